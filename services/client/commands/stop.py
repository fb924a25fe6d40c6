"""`capflow stop`: end a capture, and wait for its last packet to be stored."""

import asyncio
import time

import click

from contracts.task import Capture
from services.client.api import Gateway
from services.client.commands.calling import calls_gateway, fail
from services.client.ledger_text import end_line, ledger_lines
from services.client.output import json_line, note
from services.runtime.backoff import delays

PATIENCE = 20.0
"""Seconds in which an agent that lives has stored the last block."""


@click.command()
@click.argument("session")
@click.option("--no-wait", is_flag=True, help="Do not wait for the end.")
@click.option("--json", "as_json", is_flag=True, help="Print the capture as JSON.")
@calls_gateway
async def stop(gateway: Gateway, session: str, no_wait: bool, as_json: bool) -> None:
    """Stop the capture SESSION; prints why it ended and its ledger."""
    await gateway.stop(session)
    capture = await (gateway.capture(session) if no_wait else _ended(gateway, session))
    if as_json:
        json_line(capture)
        return
    click.echo(f"{capture.session} {end_line(capture)}")
    for line in ledger_lines(capture.ledger):
        click.echo(line)


async def _ended(gateway: Gateway, session: str) -> Capture:
    deadline = time.monotonic() + PATIENCE
    for delay in delays(first=0.05, most=0.5):
        capture = await gateway.capture(session)
        if capture.state.ended:
            return capture
        if time.monotonic() > deadline:
            note("it ends when its agent is heard of again, or its limits are over")
            fail(f"{session} is still {capture.state} after {PATIENCE:g} s")
        await asyncio.sleep(delay)
    raise AssertionError("delays never end")
