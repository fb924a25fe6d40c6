"""What `capflow tail` does."""

import sys
from contextlib import aclosing
from typing import Any

import click

from contracts.ledger import Ledger
from services.client.api import Gateway
from services.client.conversation import Wish
from services.client.interrupts import until_told
from services.client.progress import Progress
from services.client.stream import Viewer
from services.client.tailing import JsonLines, Output, PacketFile, Tail, TextLines
from services.runtime.errors import BadSetting, CapflowError


async def run(
    gateway: Gateway,
    session: str,
    start: Any,
    filter: str,
    count: int | None,
    write: str | None,
    as_json: bool,
) -> None:
    """Watch a capture, as lines, as JSON, or into a pcapng file."""
    if write and as_json:
        raise click.UsageError("-w writes pcapng; leave out --json")
    if start is None:
        start = await _usual_start(gateway, session)
    wish = Wish(start=start, format="pcapng" if write else "json", filter=filter)
    output = _output(write, as_json)
    # Lines on the same terminal are progress enough.
    with Progress("catching up", shown=not (sys.stdout.isatty() and write in (None, "-"))) as bar:
        viewer = Viewer(gateway, session, wish)
        await until_told(_follow(Tail(output, count, bar), viewer, gateway, session))


async def _usual_start(gateway: Gateway, session: str) -> str:
    """Nothing live comes of a capture that has ended."""
    return "beginning" if (await gateway.capture(session)).state.ended else "live"


def _output(write: str | None, as_json: bool) -> Output:
    if write is None:
        return JsonLines(sys.stdout) if as_json else TextLines(sys.stdout)
    try:
        return PacketFile(sys.stdout.buffer if write == "-" else open(write, "wb"))
    except OSError as error:
        raise BadSetting(f"--write {write}: {error.strerror}") from None


async def _follow(tail: Tail, viewer: Viewer, gateway: Gateway, session: str) -> None:
    try:
        async with aclosing(viewer.events()) as events:
            async for event in events:
                if not tail.take(event):
                    return
    finally:
        known = viewer.next is not None and not tail.ended
        tail.finish(viewer.next, await _ledger(gateway, session) if known else None)


async def _ledger(gateway: Gateway, session: str) -> Ledger | None:
    """The newest there is of a capture that goes on."""
    try:
        return (await gateway.capture(session)).ledger
    except CapflowError:
        return None
