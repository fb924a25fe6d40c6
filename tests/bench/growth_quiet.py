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
        for age in _AGES:
            with (
                stack_on(servers, interfaces, CAPFLOW_RING="16MiB") as stack,
                _aged(stack, age) as pid,
            ):
                _tell(report, count, age, _run(report, stack, servers, wires, count, pid))


@contextmanager
def _aged(stack: Stack, age: float | None) -> Iterator[int]:
    """The stack's agent, replaced by one whose blocks close at another age; its process."""
    if age is None:
        child = stack.processes["agent"].child
        assert child is not None
        yield child.pid
        return
    stack.processes["agent"].terminate()
    command = [sys.executable, "-m", "tests.bench.aged", str(age)]
    child = subprocess.Popen(command, env={**os.environ, **stack.environment})
    agent = stack.processes["agent"]
    agent.child = child
    agent.wait_ready()
    yield child.pid
    agent.terminate()


def _run(
    report: Report, stack: Stack, servers: Servers, wires: list[Wire], count: int, agent: int
) -> dict[str, float]:
    with Worker("crowd") as crowd, captures_on(stack) as captures:
        captures.start(count, len(wires))
        captures.watch(crowd, _VIEWERS)
        traffic = [wire.even(count * _RATE / len(wires)) for wire in wires]
        try:
            crowd.ask(do="watch", seconds=3)
            meter = Meter({**pids_of(stack, servers), "agent": agent})
            seen = crowd.ask(do="watch", seconds=report.seconds(15))
            used = {name: spent / seen["seconds"] for name, spent in meter.seconds().items()}
        finally:
            for one in traffic:
                one.stop()
        ledger = captures.stop()
        lost = ledger["dropped_kernel"] + ledger["dropped_agent"]
        size = ledger["stored"] / max(1, ledger["blocks"])
        return {**used, **seen, "lost": lost / ledger["seen"], "size": size}


def _tell(report: Report, count: int, age: float | None, run: dict[str, float]) -> None:
    kind = "as the agent chooses" if age is None else f"of {age * 1000:.0f} ms"
    label = f"{count} captures of {_RATE} packets/s, blocks {kind}"
    notes = f"{run['size']:.1f} packets a block, {run['lost']:.2%} lost; {_VIEWERS} are watched"
    for key in ("p50", "p99"):
        what = f"{label}: latency {key}"
        report.add(Row("growth", what, "ms", [run[key] * 1000], "lower", notes=notes))
    for name in ("agent", "mongod", "streamer"):
        what = f"{label}: CPU of the {name}"
        report.add(Row("growth", what, "of a core", [run[name]], "lower", notes=notes))
