"""`capflow tail`: watch a capture, as lines, as JSON, or as a pcapng file."""

import asyncio
import os
import signal
import stat
import sys
from contextlib import aclosing
from typing import Any

import click

from services.client.api import Gateway
from services.client.commands.calling import calls_gateway
from services.client.conversation import Wish
from services.client.stream import Viewer
from services.client.tailing import JsonLines, Output, PacketFile, Tail, TextLines
from services.runtime.errors import BadSetting


class From(click.ParamType[Any]):
    """`live`, `beginning`, or a packet's number."""

    name = "live|beginning|N"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The position as the stream takes it."""
        if value in ("live", "beginning"):
            return value
        if str(value).isdecimal() and int(value) < 2**63:
            return int(value)
        return self.fail("must be live, beginning, or the number of a packet", param, ctx)


@click.command()
@click.argument("session")
@click.option("--from", "start", type=From(), default="live", show_default=True, help="Begin here.")
@click.option("-f", "--filter", default="", help="Show only these (pcap-filter(7)).")
@click.option("-n", "--count", type=click.IntRange(min=1), help="End after so many packets.")
@click.option("-w", "--write", metavar="FILE", help="Write pcapng to FILE; - is standard output.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@calls_gateway
async def tail(
    gateway: Gateway,
    session: str,
    start: Any,
    filter: str,
    count: int | None,
    write: str | None,
    as_json: bool,
) -> None:
    """Watch the capture SESSION; Ctrl-C ends the viewer only."""
    if write and as_json:
        raise click.UsageError("-w writes pcapng; leave out --json")
    wish = Wish(start=start, format="pcapng" if write else "json", filter=filter)
    await _until_told(_follow(Tail(_output(write, as_json), count), Viewer(gateway, session, wish)))


def _output(write: str | None, as_json: bool) -> Output:
    if write is None:
        return JsonLines(sys.stdout) if as_json else TextLines(sys.stdout)
    try:
        return PacketFile(sys.stdout.buffer if write == "-" else open(write, "wb"))
    except OSError as error:
        raise BadSetting(f"--write {write}: {error.strerror}") from None


async def _follow(tail: Tail, viewer: Viewer) -> None:
    try:
        async with aclosing(viewer.events()) as events:
            async for event in events:
                if not tail.take(event):
                    return
    finally:
        tail.finish(viewer.next)


async def _until_told(watching: Any) -> None:
    """Watch until the end, or until Ctrl-C, or until nobody reads our output any more."""
    task = asyncio.ensure_future(watching)
    loop = asyncio.get_running_loop()

    def on_signal(number: int, _frame: Any) -> None:
        signal.signal(number, signal.default_int_handler)  # a second one does not wait for us
        loop.call_soon_threadsafe(task.cancel)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    out = sys.stdout.fileno()
    if stat.S_ISFIFO(os.fstat(out).st_mode):
        loop.add_reader(out, task.cancel)  # a pipe's writing end wakes only when its reader goes
    await asyncio.wait({task})
    if not task.cancelled():
        task.result()
