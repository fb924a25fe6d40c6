"""What `capflow key list` does."""

from contracts.rest import KeyInfo, Page
from services.client.api import Gateway
from services.client.output import json_line, moment, note
from services.client.table import Column, table

COLUMNS = (Column("NAME"), Column("ROLE"), Column("CREATED", rank=1))


async def run(gateway: Gateway, as_json: bool) -> None:
    """List all keys, however many pages they fill."""
    page = await gateway.keys()
    items = page.items
    while page.next_cursor:
        page = await gateway.keys(page.next_cursor)
        items = items + page.items
    if as_json:
        json_line(Page[KeyInfo](items=items))
        return
    table(COLUMNS, [(each.name, each.role, moment(each.created_at)) for each in items])
    if not items:
        note("no keys but the gateway's own admin key: `capflow key create NAME` makes one")
