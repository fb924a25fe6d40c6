"""`capflow ls`: running and past captures."""

import click

from contracts.task import Capture, TaskState
from services.client.api import Gateway
from services.client.commands.calling import calls_gateway
from services.client.output import json_line, moment, note, size, table

HEADS = ("SESSION", "STATE", "REASON", "STORED", "BYTES", "DROPPED", "BY", "REQUESTED")


@click.command()
@click.option("--state", type=click.Choice([each.value for each in TaskState]), help="Only these.")
@click.option("--resource", help="Only those on this host.")
@click.option("--service", help="Only those of this service.")
@click.option("-n", "--limit", type=click.IntRange(1, 1000), help="How many at most.")
@click.option("--cursor", help="Where the list before this one ended (its `next_cursor`).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@calls_gateway
async def ls(gateway: Gateway, as_json: bool, **query: str | int | None) -> None:
    """List captures, newest first."""
    page = await gateway.captures(**query)
    if as_json:
        json_line(page)
        return
    table(HEADS, [_row(capture) for capture in page.items])
    if page.next_cursor:
        note(f"there are more: capflow ls --cursor {page.next_cursor}")


def _row(capture: Capture) -> tuple[str, ...]:
    ledger = capture.ledger
    return (
        capture.session,
        capture.state,
        capture.stop_reason or "-",
        str(ledger.stored),
        size(ledger.bytes),
        str(ledger.dropped_kernel + ledger.dropped_agent),
        capture.requested_by,
        moment(capture.requested_at),
    )
