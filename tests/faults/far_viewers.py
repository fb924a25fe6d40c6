"""Viewers in other places: behind a wire that fails, and very many at once."""

import asyncio
import ctypes
import json
import socket
import sys
from asyncio.subprocess import PIPE, Process
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from tests.agent.wire import Wire
from tests.faults.field import Field
from tests.faults.generator import ROOT
from tests.faults.outcome import Outcome, Stopwatch, really
from tests.faults.recorder import Recorder
from tests.faults.watched import RECOVERY, Watched
from tests.faults.world import metrics

IDLE = 3
PING = 2
MOST_QUERIES = 2000
"""Reads of the store while all come back: fewer than one for five viewers."""
_NEW_NETWORK = 0x4000_0000


async def half_open(field: Field) -> Outcome:
    """21: the viewer's network fails without a word."""
    with Wire(field.folder) as wire:
        near, _ = wire.address()
        streamer = field.stack.process("streamer", "streamer-wire", CAPFLOW_HOST="0.0.0.0",
                                       CAPFLOW_PING_SECONDS=str(PING))  # fmt: skip
        try:
            await asyncio.to_thread(streamer.start)
            async with field.watched(viewers=0, keep=False, idle_seconds=IDLE) as capture:
                viewer = _beyond(capture, wire, f"ws://{near}:{streamer.port}/v1/stream")
                await viewer.begin()
                await viewer.reaches(1000)
                wire.down()
                watch = Stopwatch()
                await capture.over(IDLE + PING + 10 + RECOVERY)
                took = watch.seconds
                cut = sum(v for k, v in (await metrics(streamer)).items() if "cut_total" in k)
                capture.generator.stop()
                verdict = capture.judge(all_seen=False, gone=[viewer])
                await viewer.leave()
        finally:
            field.kill(streamer)
    really(cut, "the streamer never noticed that the viewer is gone")
    reason = capture.ended["stop_reason"]
    verdict.must(reason == "no-viewer", f"it ended {reason}")
    return Outcome("a viewer's network taken down under it",
                   f"cut by the streamer; the capture ended {reason} after {took:.1f} s",
                   verdict)  # fmt: skip


def _beyond(capture: Watched, wire: Wire, url: str) -> Recorder:
    """A viewer at the wire's far end."""

    async def ticket() -> dict[str, Any]:
        return {**await capture.ticket(), "url": url}

    return Recorder(capture.session, ticket, sock=lambda: _connected(wire, url))


def _connected(wire: Wire, url: str) -> socket.socket:
    """A connection made in another network namespace, by a thread that then ends."""
    host, _, port = url.removeprefix("ws://").removesuffix("/v1/stream").partition(":")

    def connect() -> socket.socket:
        with Path(f"/run/netns/{wire.namespace}").open() as namespace:
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.setns(namespace.fileno(), _NEW_NETWORK):
                raise OSError(ctypes.get_errno(), "setns")
        return socket.create_connection((host, int(port)), timeout=5)

    with ThreadPoolExecutor(1) as thread:
        connection = thread.submit(connect).result()
    connection.setblocking(False)
    return connection


async def everybody_reconnects(field: Field) -> Outcome:
    """22: the streamer is killed with 10,000 idle and 100 active viewers, who all come back."""
    idle, crowds = 10_000, 2
    streamer = field.stack.processes["streamer"]
    async with AsyncExitStack() as held:
        capture = await held.enter_async_context(field.watched(viewers=100, rate=200))
        processes = [await _crowd(held) for _ in range(crowds)]
        await _connect(processes, capture, idle // crowds)
        field.kill(streamer)
        await asyncio.gather(*(_order(process, do="leave") for process in processes))
        before = _reads(field)
        await asyncio.to_thread(streamer.start)
        watch = Stopwatch()
        await _connect(processes, capture, idle // crowds)
        await capture.flows(60)
        took, reads = watch.seconds, _reads(field) - before
        viewers = (await metrics(streamer))["capflow_streamer_viewers"]
        really(viewers >= idle + 100, f"{viewers:.0f} viewers are there")
        await capture.finish()
        verdict = capture.judge()
    verdict.must(reads < MOST_QUERIES, f"the store was read {reads} times")
    return Outcome(
        f"SIGKILL of the streamer with {idle} idle and 100 active viewers, who all came back",
        f"all {viewers:.0f} were back after {took:.1f} s; the store was read {reads} times",
        verdict,
    )


async def _crowd(held: AsyncExitStack) -> Process:
    program = (sys.executable, "-m", "tests.bench.crowd")
    process = await asyncio.create_subprocess_exec(*program, cwd=ROOT, stdin=PIPE, stdout=PIPE)
    held.callback(process.kill)
    return process


async def _connect(processes: list[Process], capture: Watched, count: int) -> None:
    stream = await capture.ticket()
    order = {"do": "connect", "url": stream["url"], "session": capture.session}
    order |= {"ticket": stream["ticket"], "count": count}
    await asyncio.gather(*(_order(process, **order) for process in processes))


async def _order(process: Process, **order: Any) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(order).encode() + b"\n")
    answer = await asyncio.wait_for(process.stdout.readline(), 120)
    assert answer, "the crowd is gone"


def _reads(field: Field) -> int:
    """Queries that MongoDB has had, with those that open a change stream; what it is asked for
    more of (`getMore`) is not counted."""
    with field.servers.mongo.client() as client:
        commands = client.admin.command("serverStatus")["metrics"]["commands"]
        return sum(int(commands[name]["total"]) for name in ("find", "aggregate"))
