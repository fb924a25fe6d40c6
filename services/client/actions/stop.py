"""What `capflow stop` does."""

import click

from services.client.api import Gateway
from services.client.ledger_text import end_line, ledger_lines
from services.client.output import json_line
from services.client.stopping import ended


async def run(gateway: Gateway, session: str, no_wait: bool, as_json: bool) -> None:
    """Stop a capture; print why it ended, and its ledger."""
    await gateway.stop(session)
    capture = await (gateway.capture(session) if no_wait else ended(gateway, session))
    if as_json:
        json_line(capture)
        return
    click.echo(f"{capture.session} {end_line(capture)}")
    for line in ledger_lines(capture.ledger):
        click.echo(line)
