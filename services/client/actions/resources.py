"""What `capflow resources` does."""

from contracts.resource import Resource
from services.client.api import Gateway
from services.client.interrupts import until_told
from services.client.output import json_line, moment, note
from services.client.table import STATES, Column, Row, table
from services.client.watching import Watch

COLUMNS = (
    Column("RESOURCE"),
    Column("STATE", colours=STATES),
    Column("SERVICE"),
    Column("INTERFACE", rank=2),
    Column("FILTER", rank=3, cut=True),
    Column("RUNNING", rank=1),
    Column("LAST SEEN", rank=4),
    Column("VERSION", rank=5),
)


async def run(gateway: Gateway, resource: str | None, watch: bool, as_json: bool) -> None:
    """List resources, or one."""

    async def found() -> list[Resource]:
        return [await gateway.resource(resource)] if resource else (await gateway.resources()).items

    if watch:
        await until_told(Watch(COLUMNS, found, rows).run(as_json))
    elif as_json:
        json_line(await (gateway.resource(resource) if resource else gateway.resources()))
    else:
        show(await found())


def show(found: list[Resource]) -> None:
    """Print them, and what is wrong with them."""
    table(COLUMNS, [row for resource in found for row in rows(resource)])
    for resource in found:
        if resource.conflict:
            note(
                f"another agent ({resource.conflict.agent_id}) claims the name"
                f" {resource.resource} and is refused: give it a CAPFLOW_RESOURCE of its own"
            )
    if not found:
        note("no agent has been heard of: start one with `capflow agent`")


def rows(resource: Resource) -> list[Row]:
    """A row for each service."""
    state = "online" if resource.online else "offline"
    rest = (str(len(resource.running)), moment(resource.last_seen), resource.version)
    services = [(each.service, each.interface, each.filter) for each in resource.services]
    return [(resource.resource, state, *each, *rest) for each in services or [("-", "-", "")]]
