"""KeepAlives answered by one dispatcher, and what a start takes meanwhile."""

from tests.bench import cpu
from tests.bench.bench_start import one_by_one, starter_of
from tests.bench.figures import at
from tests.bench.report import Report, Row
from tests.bench.servers import pids_of, real_servers, stack_on
from tests.bench.wire import Wire
from tests.bench.worker import Worker
from tests.support.servers import Servers
from tests.support.stack import Stack

TITLE = "KeepAlives of 10,000 simulated agents, answered by one dispatcher"

_AGENTS = 10_000
_WINDOW = 800
"""KeepAlives under way: twice what a dispatcher takes at once."""
_INTERVAL = 5.0
_PARTS = ("dispatcher", "rabbitmq", "redis", "agents")


def run(report: Report) -> None:
    """Measure ours and the peer in turn, then starts while every agent speaks in its interval."""
    with Wire() as wire, real_servers(report) as servers:
        interfaces = {f"s{number:02}": wire.near for number in range(20)}
        settings = {"CAPFLOW_KEEPALIVE": "30", "CAPFLOW_RING": "4MiB"}
        with stack_on(servers, interfaces, **settings) as stack:
            ours = _agents(stack.environment["CAPFLOW_BUS_URL"])
            with ours:
                _side_by_side(report, servers, stack, ours)
                _starts_meanwhile(report, stack, ours, list(interfaces))


def _agents(bus_url: str) -> Worker:
    return Worker("agents", bus_url, str(_AGENTS))


def _side_by_side(report: Report, servers: Servers, stack: Stack, ours: Worker) -> None:
    place = servers.place()
    seconds = report.seconds(10)
    rates: list[float] = []
    peers: list[float] = []
    used: list[dict[str, float]] = []
    with (
        Worker("straightforward", place.amqp_url, place.redis_url) as peer,
        _agents(place.amqp_url) as theirs,
    ):
        peer.hear()
        for agents in (ours, theirs):
            agents.ask(seconds=3, window=_WINDOW, rate=0)
        for _ in range(report.runs):
            meter = cpu.Meter({**pids_of(stack, servers), "agents": ours.pid})
            answered = ours.ask(seconds=seconds, window=_WINDOW, rate=0)
            spent = meter.seconds()
            used.append({part: spent[part] / answered["answered"] for part in _PARTS})
            rates.append(answered["per_second"])
            peers.append(theirs.ask(seconds=seconds, window=_WINDOW, rate=0)["per_second"])
    row = Row(
        "keepalives", "answered by one dispatcher", "/s", rates, budget=4000,
        peer="aio-pika request and reply, two Redis calls, 400 at once", theirs=peers,
        notes="everything on the two cores, the simulation with it",
    )  # fmt: skip
    report.add(row)
    for part in _PARTS:
        micros = [run[part] * 1e6 for run in used]
        report.add(Row("keepalives", f"CPU for each: {part}", "µs", micros, "lower"))


def _starts_meanwhile(report: Report, stack: Stack, agents: Worker, services: list[str]) -> None:
    """Starts, one after another, while all agents send a KeepAlive every five seconds."""
    rate = _AGENTS / _INTERVAL
    count = 20 if report.quick else 100
    with starter_of(stack) as starter:
        one_by_one(starter, services, 20)
        for label, paced in ((f"{rate:,.0f} KeepAlives/s", rate), ("as many as can be", 0)):
            runs = []
            for _ in range(report.runs):
                agents.say(seconds=max(8.0, report.seconds(20)), window=_WINDOW * 2, rate=paced)
                runs.append(one_by_one(starter, services, count))
                answered = agents.hear()
            notes = f"{answered['per_second']:,.0f}/s answered, p99 {answered['p99'] * 1e3:,.0f} ms"
            for share, name in ((0.5, "p50"), (0.99, "p99")):
                ours = [at([took["running"] for took in run], share) * 1000 for run in runs]
                what = f"POST to running meanwhile, {label}, {name}"
                report.add(Row("keepalives", what, "ms", ours, "lower", notes=notes))
