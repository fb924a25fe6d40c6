"""KeepAlives answered by one dispatcher, and what a start takes meanwhile."""

import time
from itertools import cycle

from tests.bench import cpu
from tests.bench.bench_start import RING, one_by_one, starter_of
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
"""KeepAlives under way: so many that nobody waits for the next one."""
_INTERVAL = 5.0
_PARTS = ("dispatcher", "rabbitmq", "redis", "agents")
_PEER = "aio-pika request and reply, two Redis calls, 400 at once"
_LONGER = 10.0
"""Seconds that the agents speak on, for the start that is under way at the end."""


def run(report: Report) -> None:
    """Measure ours and the peer in turn, then starts while every agent speaks in its interval."""
    with Wire() as wire, real_servers(report) as servers:
        interfaces = {f"s{number:02}": wire.near for number in range(20)}
        settings = {"CAPFLOW_KEEPALIVE": "30", "CAPFLOW_RING": RING}
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
    sides: dict[str, list[dict[str, float]]] = {"ours": [], "peer": []}
    with (
        Worker("straightforward", place.amqp_url, place.redis_url) as peer,
        _agents(place.amqp_url) as theirs,
    ):
        peer.hear()
        pids = pids_of(stack, servers)
        answering = {
            "ours": {**pids, "agents": ours.pid},
            "peer": {**pids, "dispatcher": peer.pid, "agents": theirs.pid},
        }
        asking = {"ours": ours, "peer": theirs}
        for agents in asking.values():
            agents.ask(seconds=3, window=_WINDOW, rate=0)
        for _ in range(report.runs):
            for name, runs in sides.items():
                runs.append(_answered(asking[name], answering[name], seconds))
    rates = {name: [run["rate"] for run in runs] for name, runs in sides.items()}
    row = Row(
        "keepalives", "answered by one dispatcher", "/s", rates["ours"], budget=4000,
        peer=_PEER, theirs=rates["peer"],
        notes="everything on the two cores, the simulation with it",
    )  # fmt: skip
    report.add(row)
    for part in _PARTS:
        mine, its = ([run[part] for run in runs] for runs in sides.values())
        what = f"CPU for each: {part}"
        report.add(Row("keepalives", what, "µs", mine, "lower", peer=_PEER, theirs=its))


def _answered(agents: Worker, pids: dict[str, int], seconds: float) -> dict[str, float]:
    """Answers a second, and what each took of every part, in microseconds."""
    meter = cpu.Meter(pids)
    seen = agents.ask(seconds=seconds, window=_WINDOW, rate=0)
    spent = meter.seconds()
    costs = {part: spent[part] / seen["answered"] * 1e6 for part in _PARTS}
    return {"rate": seen["per_second"], **costs}


def _starts_meanwhile(report: Report, stack: Stack, agents: Worker, services: list[str]) -> None:
    """Starts, one after another, while all agents send a KeepAlive every five seconds."""
    rate = _AGENTS / _INTERVAL
    turns = ([service] for service in cycle(services))
    with starter_of(stack) as starter:
        one_by_one(starter, services, len(services))
        for label, paced in ((f"{rate:,.0f} KeepAlives/s", rate), ("as many as can be", 0)):
            runs = []
            for _ in range(report.runs):
                seconds = max(8.0, report.seconds(20))
                agents.say(seconds=seconds + _LONGER, window=_WINDOW * 2, rate=paced)
                ends = time.monotonic() + seconds
                running: list[float] = []
                while time.monotonic() < ends:
                    took = starter.ask(services=next(turns), viewers=False)
                    running.append(took[0]["running"] * 1000)
                runs.append(running)
                answered = agents.hear()
            notes = (
                f"{answered['per_second']:,.0f}/s answered, p99 {answered['p99'] * 1e3:,.0f} ms; "
                f"{min(map(len, runs))} starts or more"
            )
            for share, name in ((0.5, "p50"), (0.99, "p99")):
                ours = [at(run, share) for run in runs]
                what = f"POST to running meanwhile, {label}, {name}"
                report.add(Row("keepalives", what, "ms", ours, "lower", notes=notes))
