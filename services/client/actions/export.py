"""What `capflow export` does."""

import json
import sys
from contextlib import aclosing
from pathlib import Path
from typing import BinaryIO

import click

from contracts.task import Capture
from services.client.actions.calling import FAILED, fail
from services.client.api import Gateway
from services.client.fetching import Fetch
from services.client.interrupts import until_told
from services.client.output import note, size
from services.client.progress import Progress
from services.client.saving import whole

PATIENCE = 20.0
"""Seconds for which the gateway may be away in the middle of a file."""
_BLOCK_BYTES = 34
"""What an Enhanced Packet Block adds to a packet, about: 32 bytes, and padding to four."""


async def run(gateway: Gateway, session: str, write: str | None, live: bool, as_json: bool) -> None:
    """Fetch a capture's file, check it, and give it its name."""
    if write == "-" and as_json:
        raise click.UsageError("-w - writes pcapng to standard output; leave out --json")
    capture = await gateway.capture(session)
    fetch = Fetch(gateway, session, live, PATIENCE)
    if write == "-":
        if not await until_told(_copy(capture, fetch, sys.stdout.buffer)):
            raise SystemExit(FAILED)
        fetch.check((await gateway.capture(session)).sha256)
        return
    path = Path(write or f"{session}.pcapng")
    with whole(path) as file:
        if not await until_told(_copy(capture, fetch, file)):
            fail(f"interrupted: {path} was not written")
        capture = await gateway.capture(session)
        checked = fetch.check(capture.sha256 if live or capture.state.ended else None)
    _tell(capture, str(path), fetch, checked, as_json)


async def _copy(capture: Capture, fetch: Fetch, out: BinaryIO) -> None:
    """Copy the file, and show how far it is; how large it gets is known about."""
    ledger = capture.ledger
    total = ledger.bytes + _BLOCK_BYTES * ledger.stored if capture.state.ended else None
    with Progress(f"exporting {capture.session}") as progress:
        async with aclosing(fetch.pieces()) as pieces:
            async for piece in pieces:
                out.write(piece)
                text = f"exporting {capture.session}: {size(fetch.size)}"
                progress.reached(fetch.size, total, text)
    out.flush()


def _tell(capture: Capture, name: str, fetch: Fetch, checked: bool, as_json: bool) -> None:
    if as_json:
        fields = {"session": capture.session, "file": name, "bytes": fetch.size}
        click.echo(json.dumps(fields | {"sha256": fetch.sha256, "verified": checked}))
        return
    click.echo(name)
    verified = "as the gateway's" if checked else "the gateway knows none to compare it with"
    note(f"{size(fetch.size)}, SHA-256 {fetch.sha256} ({verified})")
    if not capture.state.ended:
        note(f"{capture.session} is {capture.state}: this is what is stored by now (--live waits)")
