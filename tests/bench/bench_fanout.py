"""One session to many viewers, beside `websockets.broadcast` of the same bytes."""

import time

from tests.bench import cpu
from tests.bench.report import Report, Row
from tests.bench.servers import real_servers
from tests.bench.streaming import Streaming, measured, streaming_on
from tests.bench.worker import Worker
from tests.servers.ports import free_ports
from tests.support.servers import Servers

TITLE = "one session to 1, 10, 100 and 1,000 viewers; 10,000 idle ones; one that never reads"

_VIEWERS = (1, 10, 100, 1000)
_FORMATS = ("pcapng", "json")
_PACKETS, _SIZE = 36, 200
"""Of a block: about 8 KiB as pcapng."""
_STEP = 64
"""Blocks between two looks at how far the viewers are: so many that storing them, which waits for
the disk each time, is not what limits a single viewer."""
_IDLE = 10_000
_PEER = "websockets.broadcast, no compression, no pings, uvloop"


def run(report: Report) -> None:
    """Measure throughput, memory of the idle, and what a stuck viewer does to others."""
    with real_servers(report) as servers:
        with streaming_on(servers) as ours:
            port = free_ports(1)[0]
            with Worker("broadcaster", str(port)) as peer:
                peer.hear()
                for format in _FORMATS:
                    for count in _VIEWERS:
                        _throughput(report, ours, peer, port, format, count)
            _stuck(report, ours)
        _idle(report, servers)


def _throughput(
    report: Report, ours: Streaming, peer: Worker, port: int, format: str, count: int
) -> None:
    seconds = report.seconds(5)
    mine, theirs = [], []
    for _ in range(report.runs):
        mine.append(_ours(ours, format, count, seconds))
        theirs.append(_theirs(ours.crowd, peer, port, format, count, seconds))
    for key, unit, budget in (("messages", "/s", 0.7), ("bytes", "MB/s", None)):
        scale = 1e6 if key == "bytes" else 1
        row = Row(
            "fanout", f"{count:,} viewers, {format}, {key}", unit,
            [run[key] / scale for run in mine], peer=_PEER,
            theirs=[run[key] / scale for run in theirs], budget=budget, budget_of="ratio",
        )  # fmt: skip
        report.add(row)
    costs = [run["cpu"] / run["messages"] * 1e6 for run in mine]
    peers = [run["cpu"] / run["messages"] * 1e6 for run in theirs]
    what = f"{count:,} viewers, {format}, server's CPU a message"
    report.add(Row("fanout", what, "µs", costs, "lower", peer=_PEER, theirs=peers))


def _ours(ours: Streaming, format: str, count: int, seconds: float) -> dict[str, float]:
    session = ours.session()
    ours.connect(session, count, start={"from": "live", "format": format})
    feed = ours.feeder(session, _STEP, _PACKETS, _SIZE)
    seen = measured(ours.crowd, feed, _STEP * _PACKETS, seconds, ours.pid)
    ours.crowd.ask(do="leave")
    ours.storing.ask(do="end", session=session)
    return seen


def _theirs(
    crowd: Worker, peer: Worker, port: int, format: str, count: int, seconds: float
) -> dict[str, float]:
    url = f"ws://127.0.0.1:{port}/"
    start = {"from": "live", "format": format}
    crowd.ask(do="connect", url=url, session="", ticket="", count=count, start=start)

    def feed() -> None:
        peer.say(format=format, packets=_PACKETS, size=_SIZE, blocks=_STEP)

    seen = measured(crowd, feed, _STEP * _PACKETS, seconds, peer.pid)
    crowd.ask(do="leave")
    return seen


def _stuck(report: Report, ours: Streaming) -> None:
    """A hundred viewers at a hundred blocks a second: the others' latency, with one that never
    reads and without."""
    without, stuck = [], []
    for _ in range(report.runs):
        without.append(_paced(ours, 99, 0, report.seconds(10)))
        stuck.append(_paced(ours, 100, 1, report.seconds(10)))
    for key in ("p50", "p99"):
        row = Row(
            "fanout", f"99 viewers beside one that never reads, {key}", "ms",
            [run[key] * 1000 for run in stuck], "lower", peer="the same without it",
            theirs=[run[key] * 1000 for run in without], notes="from storing to arrival",
            budget=0.8 if key == "p99" else None, budget_of="ratio",
        )  # fmt: skip
        report.add(row)


def _paced(ours: Streaming, count: int, silent: int, seconds: float) -> dict[str, float]:
    session = ours.session()
    ours.connect(session, count, start={"from": "live", "format": "pcapng"}, silent=silent)
    order = {"session": session, "rate": 100, "packets": _PACKETS, "size": _SIZE}
    ours.storing.say(do="pace", seconds=seconds + 1, **order)
    ours.crowd.ask(do="watch", seconds=1)
    seen: dict[str, float] = ours.crowd.ask(do="watch", seconds=seconds)
    ours.storing.hear()
    ours.crowd.ask(do="leave")
    ours.storing.ask(do="end", session=session)
    return seen


def _idle(report: Report, servers: Servers) -> None:
    """Viewers of a capture that says nothing: what they take, and how long it takes them in."""
    count = 1000 if report.quick else _IDLE
    runs: list[dict[str, float]] = []
    for _ in range(report.runs):
        with streaming_on(servers) as ours:
            runs.append(_idle_ones(ours, count, report.seconds(10)))
    told = f"{count:,} viewers, each told the status once a second"
    for name, what, unit, budget, notes in (
        ("each", "an idle viewer's memory", "KiB", 40, told),
        ("took", f"to connect {count:,} viewers", "s", None, "64 at once"),
        ("share", "CPU with idle viewers", "of a core", None, told),
    ):
        values = [run[name] for run in runs]
        report.add(Row("fanout", what, unit, values, "lower", budget=budget, notes=notes))


def _idle_ones(ours: Streaming, count: int, seconds: float) -> dict[str, float]:
    """What each takes in KiB, seconds until all are in, and their share of a core."""
    session = ours.session()
    ours.connect(session, 100, start={"from": "live", "format": "json"})
    ours.crowd.ask(do="leave")
    time.sleep(1)
    before = cpu.rss(ours.pid)
    took = ours.connect(session, count, start={"from": "live", "format": "json"})
    ours.crowd.ask(do="watch", seconds=3)
    each = (cpu.rss(ours.pid) - before) / count / 1024
    meter = cpu.used(ours.pid).cpu
    seen = ours.crowd.ask(do="watch", seconds=seconds)
    share = (cpu.used(ours.pid).cpu - meter) / seen["seconds"]
    return {"each": each, "took": took, "share": share}
