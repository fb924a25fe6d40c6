"""Embedded: wire to viewer on `capflow up`, one process with the sqlite endpoint."""

from tests.bench.bench_wire import Side
from tests.bench.report import Report, Row
from tests.bench.servers import stack_on
from tests.bench.steady import cpu_told, highest
from tests.bench.systems import SERVICE, Ours
from tests.bench.wire import Wire

TITLE = "wire to viewer, in one process with sqlite"
NAME = "embedded"

_START = 200_000.0
_RATE, _SECONDS = 50_000, 10
_QUIET_RATE = 100


def run(report: Report) -> None:
    """Measure; there is no peer."""
    with Wire() as wire, stack_on(None, {SERVICE: wire.near}) as stack:
        system = Ours(stack, None)
        system.run(wire, 50_000, 200, 50_000)  # warms up
        rates: list[float] = []
        for _ in range(report.runs):
            start = 0.96 * rates[-1] if rates and rates[-1] else _START
            rates.append(highest(report, NAME, system, wire, start))
        report.add(Row(NAME, "highest steady rate, 200 bytes", "packets/s", rates))
        for rate in (_RATE, _QUIET_RATE):
            _latency(report, wire, Side(NAME, system), rate)


def _latency(report: Report, wire: Wire, side: Side, rate: int) -> None:
    for _ in range(report.runs):
        side.run(report, wire, rate, _SECONDS)
    notes = cpu_told(side.runs[-1]) if rate == _RATE else ""
    lost = [float(run.lost) for run in side.runs]
    report.add(Row(NAME, f"{rate:,}/s: latency p50", "ms", side.p50(), "lower", notes=notes))
    report.add(Row(NAME, f"{rate:,}/s: latency p99", "ms", side.p99(), "lower"))
    report.add(Row(NAME, f"{rate:,}/s: lost", "packets", lost, "lower", budget=0.0))
