"""Large captures: a viewer that begins at their beginning, and their export."""

import asyncio

from tests.bench import memory
from tests.bench.http import Http
from tests.bench.report import Report, Row
from tests.bench.streaming import Streaming, streaming_on
from tests.support.servers import Servers

_PACKETS, _SIZE = 2000, 200
_BLOCKS = 2500
"""Five million packets, a gigabyte."""
_SMALL = 2
_GOING_ON = 10.0
"""Blocks a second that come meanwhile: 20,000 packets/s."""
_SECONDS = 20.0
"""How long they come, in each run."""


def large_captures(report: Report, servers: Servers) -> None:
    """Catch up, then export a large capture and a small one."""
    with streaming_on(servers) as ours:
        gateway = ours.stack.processes["gateway"].start()
        assert gateway.child is not None
        blocks = _BLOCKS // 10 if report.quick else _BLOCKS
        large = _stored(ours, blocks)
        _catch_up(report, ours, large, blocks)
        ours.storing.ask(do="end", session=large)
        small = _stored(ours, _SMALL)
        ours.storing.ask(do="end", session=small)
        _exports(report, ours.stack.rest, gateway.child.pid, {small: _SMALL, large: blocks})


def _stored(ours: Streaming, blocks: int) -> str:
    session = ours.session()
    ours.storing.ask(do="store", session=session, blocks=blocks, packets=_PACKETS, size=_SIZE)
    return session


def _catch_up(report: Report, ours: Streaming, session: str, blocks: int) -> None:
    """Each run reads all that was stored, while the capture goes on."""
    rates, late = [], []
    memory.forget_peak(ours.pid)
    for run in range(report.runs):
        stored = (blocks + run * int(_SECONDS * _GOING_ON)) * _PACKETS
        order = {"session": session, "rate": _GOING_ON, "packets": _PACKETS, "size": _SIZE}
        ours.storing.say(do="pace", seconds=_SECONDS, **order)
        ours.connect(session, 1, start={"from": "beginning", "format": "pcapng"})
        seen = ours.crowd.ask(do="watch", seconds=120, until=stored)
        rates.append(stored / seen["seconds"])
        level = ours.crowd.ask(do="watch", seconds=5)
        late.append(level["p50"] * 1000)
        ours.crowd.ask(do="leave")
        ours.storing.hear()
    notes = f"{blocks * _PACKETS:,} packets, while {_GOING_ON * _PACKETS:,.0f}/s more are stored"
    report.add(Row("growth", "catch-up from the beginning", "packets/s", rates, notes=notes))
    what = "latency once caught up, p50"
    report.add(Row("growth", what, "ms", late, "lower", notes="from storing to arrival"))
    most = memory.peak(ours.pid) / 2**20
    report.add(Row("growth", "catch-up: streamer's peak memory", "MiB", [most], "lower"))


def _exports(report: Report, rest: str, gateway: int, captures: dict[str, int]) -> None:
    """Of a small capture and a large one, in turns; `captures` tells of how many blocks each is."""
    small, large = captures
    asyncio.run(_read(rest, small))  # warms up
    seen: dict[str, list[tuple[float, float, float]]] = {small: [], large: []}
    for _ in range(report.runs):
        for session, blocks in captures.items():
            memory.forget_peak(gateway)
            seconds, size = asyncio.run(_read(rest, session))
            assert size > blocks * _PACKETS * _SIZE, f"{size} bytes are no export of {session}"
            seen[session].append((memory.peak(gateway) / 2**20, size / 1e6 / seconds, size / 1e6))
    for session, label in ((small, "1 MB"), (large, "1 GB")):
        peaks, rates, sizes = zip(*seen[session], strict=True)
        notes = f"{sizes[0]:,.1f} MB"
        what = f"export of {label}: gateway's peak memory"
        report.add(Row("growth", what, "MiB", peaks, "lower", notes=notes))
        report.add(Row("growth", f"export of {label}", "MB/s", rates, notes=notes))


async def _read(rest: str, session: str) -> tuple[float, int]:
    """Export a capture: seconds, and bytes."""
    loop, size = asyncio.get_running_loop(), 0
    began = loop.time()
    async for data in Http(rest).stream(f"/v1/captures/{session}/pcapng"):
        size += len(data)
    return loop.time() - began, size
