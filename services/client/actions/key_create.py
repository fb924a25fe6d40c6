"""What `capflow key create` does."""

import click

from contracts.rest import Role
from services.client.api import Gateway
from services.client.output import json_line, note


async def run(gateway: Gateway, name: str, role: str, as_json: bool) -> None:
    """Make a key; it alone is on standard output."""
    made = await gateway.create_key(name, Role(role))
    if as_json:
        json_line(made)
        return
    click.echo(made.key)
    note(f"the key of {made.name}, role {made.role}; it is shown this once")
    note("use it as CAPFLOW_KEY, or with HTTP as `Authorization: Bearer <key>`")
