"""What `capflow start` does."""

from typing import Any

import click

from services.client.api import Gateway
from services.client.output import invocation, json_line, note
from services.client.starting import runs, start_request


async def run(gateway: Gateway, no_wait: bool, as_json: bool, **asked: Any) -> None:
    """Start a capture; print its session, and beside it what can be done with it."""
    answer = await gateway.start(start_request(asked))
    if not no_wait:
        await runs(gateway, answer)
    if as_json:
        json_line(answer)
        return
    click.echo(answer.session)
    note(f"watch it: {invocation()} tail {answer.session}")
    note(f"end it:   {invocation()} stop {answer.session}")
