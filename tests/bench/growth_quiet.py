"""Two hundred quiet captures: what the age at which blocks close does to the store and to delay."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from tests.bench.cpu import Meter
from tests.bench.many import captures_on, service
from tests.bench.report import Report, Row
from tests.bench.servers import pids_of, stack_on
from tests.bench.wire import Wire
from tests.bench.worker import Worker
from tests.support.servers import Servers
from tests.support.stack import Stack

_CAPTURES = 200
_WIRES = 10
"""Each packet costs the kernel one filter for each capture on its wire."""
_RATE = 100
"""Packets a second of each."""
_VIEWERS = 10
_AGES = (None, 0.02, 0.1, 0.25)
"""Seconds; None is the agent's own choice."""


def quiet_captures(report: Report, servers: Servers) -> None:
    """As blocks age by themselves, and for several ages."""
    count = 50 if report.quick else _CAPTURES
    with ExitStack() as held:
        wires = [held.enter_context(Wire()) for _ in range(_WIRES)]
        interfaces = {service(number): wires[number % _WIRES].near for number in range(count)}
        runs: dict[float | None, list[dict[str, float]]] = {age: [] for age in _AGES}
        for _ in range(report.runs):
            for age in _AGES:
                with (
                    stack_on(servers, interfaces, CAPFLOW_RING="16MiB") as stack,
                    _aged(stack, age),
                ):
                    runs[age].append(_run(report, stack, servers, wires, count))
    for age in _AGES:
        _tell(report, count, age, runs[age])


@contextmanager
def _aged(stack: Stack, age: float | None) -> Iterator[None]:
    """With the stack's agent replaced by one whose blocks close at another age."""
    if age is None:
        yield
        return
    stack.processes["agent"].terminate()
    command = [sys.executable, "-m", "tests.bench.aged", str(age)]
    child = subprocess.Popen(command, env={**os.environ, **stack.environment})
    agent = stack.processes["agent"]
    agent.child = child
    agent.wait_ready()
    yield
    agent.terminate()


def _run(
    report: Report, stack: Stack, servers: Servers, wires: list[Wire], count: int
) -> dict[str, float]:
    with Worker("crowd") as crowd, captures_on(stack) as captures:
        captures.start(count, len(wires))
        captures.watch(crowd, _VIEWERS)
        traffic = [wire.even(count * _RATE / len(wires)) for wire in wires]
        try:
            crowd.ask(do="watch", seconds=3)
            meter = Meter(pids_of(stack, servers))
            seen = crowd.ask(do="watch", seconds=report.seconds(10))
            used = {name: spent / seen["seconds"] for name, spent in meter.seconds().items()}
        finally:
            for one in traffic:
                one.stop()
        ledger = captures.stop()
        lost = ledger["dropped_kernel"] + ledger["dropped_agent"]
        size = ledger["stored"] / max(1, ledger["blocks"])
        return {**used, **seen, "lost": lost / ledger["seen"], "size": size}


def _tell(report: Report, count: int, age: float | None, runs: list[dict[str, float]]) -> None:
    kind = "as the agent chooses" if age is None else f"of {age * 1000:.0f} ms"
    label = f"{count} captures of {_RATE} packets/s, blocks {kind}"
    size, lost = (max(run[key] for run in runs) for key in ("size", "lost"))
    notes = f"{size:.1f} packets a block, {lost:.2%} lost at most; {_VIEWERS} are watched"
    for key in ("p50", "p99"):
        what, values = f"{label}: latency {key}", [run[key] * 1000 for run in runs]
        report.add(Row("growth", what, "ms", values, "lower", notes=notes))
    for name in ("agent", "mongod", "streamer"):
        what, values = f"{label}: CPU of the {name}", [run[name] for run in runs]
        report.add(Row("growth", what, "of a core", values, "lower", notes=notes))
