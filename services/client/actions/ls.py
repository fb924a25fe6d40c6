"""What `capflow ls` does."""

from contracts.task import Capture
from services.client.api import Gateway
from services.client.interrupts import until_told
from services.client.output import json_line, moment, note, size
from services.client.table import STATES, Column, Row, table
from services.client.watching import Watch

COLUMNS = (
    Column("SESSION"),
    Column("STATE", colours=STATES),
    Column("REASON", rank=3),
    Column("STORED", rank=1),
    Column("BYTES", rank=4),
    Column("DROPPED", rank=2),
    Column("BY", rank=6),
    Column("REQUESTED", rank=5),
)


async def run(gateway: Gateway, watch: bool, as_json: bool, **query: str | int | None) -> None:
    """List captures."""

    async def found() -> list[Capture]:
        return (await gateway.captures(**query)).items

    if watch:
        await until_told(Watch(COLUMNS, found, lambda capture: [row(capture)]).run(as_json))
        return
    page = await gateway.captures(**query)
    if as_json:
        json_line(page)
        return
    table(COLUMNS, [row(capture) for capture in page.items])
    if page.next_cursor:
        note(f"there are more: capflow ls --cursor {page.next_cursor}")
    if not page.items:
        note("no captures: `capflow resources` lists what `capflow start` can capture")


def row(capture: Capture) -> Row:
    """A capture in a row."""
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
