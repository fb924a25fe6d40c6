"""What it costs to have more captures, at the same number of packets in all."""

from statistics import median

from tests.bench.cpu import Meter
from tests.bench.many import captures_on, service
from tests.bench.report import Curve, Report, Row
from tests.bench.servers import pids_of, stack_on
from tests.bench.wire import Wire
from tests.bench.worker import Worker
from tests.support.servers import Servers
from tests.support.stack import Stack

_RATE = 20_000
_COUNTS = (1, 10, 50)


def captures_grow(report: Report, servers: Servers, wire: Wire) -> None:
    """All of them watched; and one watched of many."""
    interfaces = {service(number): wire.near for number in range(max(_COUNTS))}
    with stack_on(servers, interfaces, CAPFLOW_RING="4MiB") as stack:
        watched: dict[int, list[dict[str, float]]] = {count: [] for count in _COUNTS}
        alone: dict[int, list[dict[str, float]]] = {count: [] for count in _COUNTS}
        for _ in range(report.runs):
            for count in _COUNTS:
                watched[count].append(_run(report, stack, servers, wire, count, count))
                alone[count].append(_run(report, stack, servers, wire, count, 1))
    for count in _COUNTS:
        _tell(report, count, watched[count], alone[count])
    lines = {
        name: [(float(count), median(_costs(watched[count], name))) for count in _COUNTS]
        for name in ("agent", "streamer", "mongod")
    }
    title = f"CPU a packet at {_RATE:,} packets/s in all"
    report.plot(Curve("growth", title, "captures, each watched", "µs", lines))


def _run(
    report: Report, stack: Stack, servers: Servers, wire: Wire, count: int, viewers: int
) -> dict[str, float]:
    """CPU of each process and packets delivered, a second."""
    seconds = report.seconds(6)
    with Worker("crowd") as crowd, captures_on(stack) as captures:
        captures.start(count)
        captures.watch(crowd, viewers)
        traffic = wire.even(_RATE)
        try:
            crowd.ask(do="watch", seconds=1.5)
            meter = Meter(pids_of(stack, servers))
            seen = crowd.ask(do="watch", seconds=seconds)
            used = {name: spent / seen["seconds"] for name, spent in meter.seconds().items()}
        finally:
            traffic.stop()
        crowd.ask(do="leave")
        return {**used, "delivered": seen["packets"], "p99": seen["p99"]}


def _tell(
    report: Report, count: int, watched: list[dict[str, float]], alone: list[dict[str, float]]
) -> None:
    notes = f"{_RATE:,} packets/s in all, of 200 bytes, each capture watched"
    for name in ("agent", "streamer", "mongod"):
        costs = _costs(watched, name)
        what = f"{count} captures: CPU of the {name} for each packet"
        report.add(Row("growth", what, "µs", costs, "lower", notes=notes))
    late = [run["p99"] * 1000 for run in watched]
    report.add(Row("growth", f"{count} captures: p99 latency", "ms", late, "lower", notes=notes))
    unviewed = _RATE - _RATE // count
    notes = f"one of {count} watched; {unviewed:,} packets/s recorded beside it"
    costs = _costs(alone, "streamer")
    what = f"{count} captures, one viewer: streamer's CPU for each packet delivered"
    report.add(Row("growth", what, "µs", costs, "lower", notes=notes))
    shares = [run["streamer"] for run in alone]
    what = f"{count} captures, one viewer: streamer's CPU"
    report.add(Row("growth", what, "of a core", shares, "lower", notes=notes))


def _costs(runs: list[dict[str, float]], name: str) -> list[float]:
    """Microseconds of a process for each packet delivered."""
    return [run[name] / run["delivered"] * 1e6 for run in runs]
