"""How long a start takes: from the POST to the event that it runs, and to its first packet."""

from collections.abc import Sequence

from tests.bench.figures import at
from tests.bench.report import Report, Row
from tests.bench.servers import real_servers, stack_on
from tests.bench.wire import Wire
from tests.bench.worker import Worker
from tests.support.stack import Stack

TITLE = "POST to running, and POST to the first packet; KeepAlive interval 30 s"

SERVICES = 20
_STARTS = 200
_PACKETS_PER_SECOND = 1000
RING = "4MiB"
"""Of each of the twenty captures; they make no use of the 64 MiB that is usual."""
_EVENTS = {"running": "the event on the bus", "sse": "the event by SSE"}


def run(report: Report) -> None:
    """Measure starts one after another and all at once, with a viewer and without."""
    with Wire() as wire, real_servers(report) as servers:
        interfaces = {f"s{number:02}": wire.near for number in range(SERVICES)}
        settings = {"CAPFLOW_KEEPALIVE": "30", "CAPFLOW_RING": RING}
        report.settings["start's rings"] = RING
        with stack_on(servers, interfaces, **settings) as stack, starter_of(stack) as starter:
            starter.ask(services=list(interfaces), viewers=False)  # warms up
            _one_by_one(report, starter, list(interfaces))
            _at_once(report, starter, list(interfaces))
            traffic = wire.even(_PACKETS_PER_SECOND)
            try:
                _first_packets(report, starter, list(interfaces))
            finally:
                traffic.stop()


def starter_of(stack: Stack) -> Worker:
    """A program that starts captures on a stack."""
    return Worker("starter", stack.rest, stack.environment["CAPFLOW_BUS_URL"])


def one_by_one(
    starter: Worker, services: Sequence[str], count: int, viewers: bool = False
) -> list[dict[str, float]]:
    """Start captures one after another."""
    return [
        starter.ask(services=[services[number % len(services)]], viewers=viewers)[0]
        for number in range(count)
    ]


def _one_by_one(report: Report, starter: Worker, services: list[str]) -> None:
    count = 20 if report.quick else _STARTS
    runs = [one_by_one(starter, services, count) for _ in range(report.runs)]
    for name, what in _EVENTS.items():
        _add(report, f"POST to {what}, one after another", runs, name, (0.030, 0.100))
    _add(report, "POST to its answer, one after another", runs, "answered")


def _at_once(report: Report, starter: Worker, services: list[str]) -> None:
    runs = [starter.ask(services=services, viewers=False) for _ in range(report.runs)]
    _add(report, f"POST to {_EVENTS['running']}, {SERVICES} at once", runs, "running")


def _first_packets(report: Report, starter: Worker, services: list[str]) -> None:
    count = 10 if report.quick else _STARTS
    runs = [one_by_one(starter, services, count, viewers=True) for _ in range(report.runs)]
    notes = f"{_PACKETS_PER_SECOND:,} packets/s on the wire; the viewer connects after the answer"
    _add(report, "POST to the first packet, one after another", runs, "packet", notes=notes)
    once = [starter.ask(services=services, viewers=True) for _ in range(report.runs)]
    _add(report, f"POST to the first packet, {SERVICES} at once", once, "packet", notes=notes)


def _add(
    report: Report,
    what: str,
    runs: Sequence[Sequence[dict[str, float]]],
    name: str,
    budgets: tuple[float | None, float | None] = (None, None),
    notes: str = "",
) -> None:
    most = "p99" if min(map(len, runs)) >= 100 else "max"
    for share, label, budget in ((0.5, "p50", budgets[0]), (0.99, most, budgets[1])):
        ours = [at([took[name] for took in run], share) * 1000 for run in runs]
        limit = budget * 1000 if budget else None
        row = Row("start", f"{what}, {label}", "ms", ours, "lower", budget=limit, notes=notes)
        report.add(row)
