"""Wire to viewer: everything, on RabbitMQ, Redis and MongoDB, each in a process of its own."""

from dataclasses import dataclass, field

from tests.bench import usual
from tests.bench.latency import by_second
from tests.bench.report import Curve, Report, Row
from tests.bench.servers import real_servers, stack_on
from tests.bench.steady import cpu_told, highest, told
from tests.bench.systems import SERVICE, Ours, Pipeline, Run, System
from tests.bench.wire import Wire

TITLE = "wire to viewer, on real servers"
NAME = "wire"

RATE = 200_000
SECONDS = 30
_P99_MS = 150.0
_HIGHEST = 250_000.0
_OF_BARE = 0.85
_QUIET_RATE, _QUIET_SECONDS, _QUIET_P99_MS = 100, 10, 60.0
_USUAL_RATE = 20_000


@dataclass
class Side:
    """A system, and what its runs came to."""

    name: str
    system: System
    runs: list[Run] = field(default_factory=list)

    def run(self, report: Report, wire: Wire, rate: float, seconds: float) -> Run:
        """One run more."""
        run = self.system.run(wire, int(rate * report.seconds(seconds)), 200, rate)
        self.runs.append(run)
        report.say(f"{self.name}: {told(run)}; {cpu_told(run)}")
        return run

    def p50(self) -> list[float]:
        """Of each run, in milliseconds."""
        return [run.latencies.p50 for run in self.runs]

    def p99(self) -> list[float]:
        """Of each run, in milliseconds."""
        return [run.latencies.p99 for run in self.runs]

    def most(self) -> list[float]:
        """Of each run, in milliseconds."""
        return [run.latencies.most for run in self.runs]


def run(report: Report) -> None:
    """Measure; the bare and the usual pipeline beside us."""
    report.settings["payload"] = "random, 512 different frames: hardly compressible"
    report.settings["peer bare"] = "the same steps, no control plane: tests/bench/bare.py"
    report.settings["peer usual"] = usual.SETTINGS
    with (
        Wire() as wire,
        real_servers(report) as servers,
        stack_on(servers, {SERVICE: wire.near}) as stack,
    ):
        systems: dict[str, System] = {
            "ours": Ours(stack, servers),
            "bare": Pipeline("bare", servers),
            "usual": Pipeline("usual", servers),
        }
        for name, system in systems.items():
            rate = _USUAL_RATE // 4 if name == "usual" else 50_000
            system.run(wire, 2 * rate, 200, rate)  # warms up
        _steady(report, wire, systems)
        _highest(report, wire, systems)
        _quiet(report, wire, systems)


def _steady(report: Report, wire: Wire, systems: dict[str, System]) -> None:
    ours, bare = (Side(name, systems[name]) for name in ("ours", "bare"))
    for _ in range(report.runs):
        ours.run(report, wire, RATE, SECONDS)
        bare.run(report, wire, RATE, SECONDS)
    what = f"{RATE:,}/s of 200 bytes for {report.seconds(SECONDS):.0f} s"
    last = ours.runs[-1]
    lost, bare_lost = ([float(run.lost) for run in side.runs] for side in (ours, bare))
    open_books = [float(not run.closes) for run in ours.runs]
    sent = [run.rate for run in ours.runs]
    others = f"others took {max(run.others for run in ours.runs):.0%} of the machine"
    notes = f"{cpu_told(last)}; {others}"
    report.add(Row(NAME, f"{what}: sent", "packets/s", sent, notes=notes))
    report.add(Row(NAME, f"{what}: lost", "packets", lost, "lower", "bare", bare_lost, budget=0.0))
    report.add(Row(NAME, f"{what}: ledgers open", "ledgers", open_books, "lower", budget=0.0))
    for name, mine, theirs, budget in (
        ("p50", ours.p50(), bare.p50(), None),
        ("p99", ours.p99(), bare.p99(), _P99_MS),
        ("max", ours.most(), bare.most(), None),
    ):
        notes = f"bare: {cpu_told(bare.runs[-1])}" if name == "p50" else ""
        report.add(
            Row(
                NAME, f"{what}: latency {name}", "ms", mine, "lower", "bare", theirs, budget,
                notes=notes,
            )
        )  # fmt: skip
    _plot(report, ours, bare)


def _plot(report: Report, *sides: Side) -> None:
    lines = {side.name: by_second(side.runs[-1].seen["arrivals"]) for side in sides}
    report.plot(Curve(NAME, f"worst latency at {RATE:,} packets/s", "second", "ms", lines))


def _highest(report: Report, wire: Wire, systems: dict[str, System]) -> None:
    """Ours and the bare one in turns; the usual one is given more than it can carry."""
    found: dict[str, list[float]] = {"ours": [], "bare": []}
    carried: list[float] = []
    for _ in range(report.runs):
        for name, rates in found.items():
            start = 0.96 * rates[-1] if rates and rates[-1] else float(RATE)
            rates.append(highest(report, name, systems[name], wire, start))
        carried.append(_carried(report, wire, systems["usual"]))
    what = "highest steady rate, 200 bytes"
    report.add(Row(NAME, what, "packets/s", found["ours"], budget=_HIGHEST))
    report.add(
        Row(
            NAME, f"{what}, of the bare pipeline's", "packets/s", found["ours"], "higher",
            "bare", found["bare"], _OF_BARE, "ratio",
        )
    )  # fmt: skip
    report.add(
        Row(
            NAME, f"{what}, against the usual pipeline", "packets/s", found["ours"], "higher",
            "usual", carried, notes=f"usual: what comes out while {_USUAL_RATE:,}/s are sent",
        )
    )  # fmt: skip


def _carried(report: Report, wire: Wire, system: System) -> float:
    """Packets a second that come out while more are sent than can be carried."""
    run = system.run(wire, int(_USUAL_RATE * report.seconds(10)), 200, _USUAL_RATE)
    arrivals = run.seen["arrivals"]
    report.say(f"usual: {told(run)}; {cpu_told(run)}")
    return float(run.seen["packets"] / (arrivals[-1][0] - arrivals[0][0]))


def _quiet(report: Report, wire: Wire, systems: dict[str, System]) -> None:
    sides = [Side(name, system) for name, system in systems.items()]
    for _ in range(report.runs):
        for side in sides:
            side.run(report, wire, _QUIET_RATE, _QUIET_SECONDS)
    ours, *peers = sides
    for peer in peers:
        report.add(
            Row(
                NAME, f"{_QUIET_RATE}/s: latency p99", "ms", ours.p99(), "lower",
                peer.name, peer.p99(), _QUIET_P99_MS,
            )
        )  # fmt: skip
