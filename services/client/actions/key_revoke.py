"""What `capflow key revoke` does."""

import json

import click

from services.client.api import Gateway
from services.client.asking import sure


async def run(gateway: Gateway, name: str, yes: bool, as_json: bool) -> None:
    """Revoke a key after asking."""
    sure(f"Revoke the key {name}? Whoever uses it is refused from now on.", yes)
    await gateway.revoke_key(name)
    click.echo(json.dumps({"revoked": name}) if as_json else f"revoked {name}")
