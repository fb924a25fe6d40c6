"""Memory of every process while twice as much comes in as can be taken.

The generator, which sends as fast as it can, has one core, and the system another, which busy
neighbours take a part of: with a core of its own it took all of 250,000 packets/s.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench import cpu
from tests.bench.many import captures_on, service
from tests.bench.memory import Sampler
from tests.bench.report import Curve, Report, Row
from tests.bench.servers import pids_of, stack_on
from tests.bench.wire import Wire
from tests.bench.worker import Worker
from tests.support.servers import Servers

_SECONDS = 600.0
_SIZE = 64
_CORE = 1
"""Of the system; trafgen binds itself to core 0."""
_NEIGHBOURS = 3


def memory_stays(report: Report, servers: Servers, wire: Wire) -> None:
    """For ten minutes; what does not fit is dropped, and counted."""
    seconds = report.seconds(_SECONDS)
    with stack_on(servers, {service(0): wire.near}) as stack, Worker("crowd") as crowd:
        pids = pids_of(stack, servers)
        with captures_on(stack) as captures, Sampler(pids) as sampler:
            captures.start(1)
            captures.watch(crowd, 1)
            for pid in (*pids.values(), crowd.pid):
                cpu.pin(pid, _CORE)
            traffic = wire.generator(10**9, size=_SIZE)
            try:
                with _neighbours():
                    seen = crowd.ask(do="watch", seconds=seconds)
            finally:
                traffic.stop()
            crowd.ask(do="leave")
            ledger = captures.stop()
    assert ledger["seen"] == ledger["captured"] + ledger["dropped_kernel"] + ledger["beyond_limit"]
    assert ledger["captured"] == ledger["stored"] + ledger["dropped_agent"]
    notes = (
        f"{ledger['seen'] / seconds:,.0f} packets/s of {_SIZE} bytes for {seconds:.0f} s, "
        f"{ledger['seen'] / ledger['stored']:.2f} times what was stored, the rest counted as "
        f"dropped; {seen['packets']:,.0f}/s delivered"
    )
    for name, samples in sampler.samples.items():
        most = max(size for _, size in samples) / 2**20
        what = f"overload: memory of the {name}"
        report.add(Row("growth", what, "MiB at most", [most], "lower", notes=notes))
        what = f"overload: growth of the {name}"
        report.add(Row("growth", what, "MiB", [sampler.grown(name)], "lower", notes=notes))
    lines = {
        name: [(at, size / 2**20) for at, size in samples]
        for name, samples in sampler.samples.items()
    }
    report.plot(Curve("growth", "memory under twice the load", "s", "MiB", lines))


@contextmanager
def _neighbours() -> Iterator[None]:
    """Processes that do nothing but take their share of the system's core."""
    busy = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True)
        for _ in range(_NEIGHBOURS)
    ]
    try:
        for one in busy:
            cpu.pin(one.pid, _CORE)
        yield
    finally:
        for one in busy:
            one.kill()
            one.wait()
