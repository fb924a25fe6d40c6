"""`capflow resources`: which hosts there are, and what can be captured on them."""

import click

from contracts.resource import Resource
from services.client.api import Gateway
from services.client.commands.calling import calls_gateway
from services.client.output import json_line, moment, note, table

HEADS = ("RESOURCE", "ONLINE", "SERVICE", "INTERFACE", "FILTER", "RUNNING", "LAST SEEN", "VERSION")


@click.command()
@click.argument("resource", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@calls_gateway
async def resources(gateway: Gateway, resource: str | None, as_json: bool) -> None:
    """List hosts with an agent, and their services (or those of one RESOURCE)."""
    if resource:
        one = await gateway.resource(resource)
        return json_line(one) if as_json else _show([one])
    page = await gateway.resources()
    return json_line(page) if as_json else _show(page.items)


def _show(found: list[Resource]) -> None:
    table(HEADS, [row for resource in found for row in _rows(resource)])
    for resource in found:
        if resource.conflict:
            note(
                f"another agent ({resource.conflict.agent_id}) claims the name"
                f" {resource.resource} and is refused: give it a CAPFLOW_RESOURCE of its own"
            )
    if not found:
        note("no agent has been heard of: start one with `capflow agent`")


def _rows(resource: Resource) -> list[tuple[str, ...]]:
    online = "yes" if resource.online else "no"
    tail = (str(len(resource.running)), moment(resource.last_seen), resource.version)
    services = [(each.service, each.interface, each.filter) for each in resource.services]
    return [(resource.resource, online, *each, *tail) for each in services or [("-", "-", "")]]
