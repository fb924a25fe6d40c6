"""Services are told to end while something they depend on is frozen."""

import asyncio
from contextlib import suppress
from subprocess import TimeoutExpired

from tests.faults.outcome import Outcome, Stopwatch, really
from tests.faults.promises import Promises
from tests.faults.verdict import Verdict
from tests.faults.world import World, alive
from tests.support.stack import Process

MOST = 15.0
"""Seconds that a service may take to end."""


async def told_to_end(world: World) -> Outcome:
    """30: SIGTERM to each service while RabbitMQ, Redis or MongoDB is frozen."""
    verdict, seen, promises = Verdict(), [], Promises(world)
    servers = {
        "RabbitMQ": world.servers.rabbitmq,
        "Redis": world.servers.redis,
        "MongoDB": world.servers.mongo,
    }
    for name, server in servers.items():
        task_id = await promises.start("s0", keep=True)
        assert task_id is not None
        await world.rest.task(task_id, wait=20)
        server.freeze()
        try:
            took = await _end_all(world)
        finally:
            server.thaw()
        verdict.own += [f"{service} did not end, {name} being frozen"
                        for service, seconds in took.items() if seconds is None]  # fmt: skip
        ended = {service: seconds for service, seconds in took.items() if seconds is not None}
        seen.append(f"{name}: {', '.join(f'{one} {s:.1f} s' for one, s in ended.items())}")
        await asyncio.to_thread(world.stack.start)
        await promises.ended(task_id)
    really(seen, "nothing was told to end")
    verdict.i1 += [line for line in promises.judge() if "is not there" in line]
    return Outcome("SIGTERM to every service while one server was frozen", "; ".join(seen), verdict)


async def _end_all(world: World) -> dict[str, float | None]:
    """SIGTERM to all at once; how long each took, none where it had to be killed."""
    processes = world.stack.processes
    times = await asyncio.gather(*(asyncio.to_thread(_end, one) for one in processes.values()))
    return dict(zip(processes, times, strict=True))


def _end(process: Process) -> float | None:
    watch = Stopwatch()
    with suppress(TimeoutExpired):
        process.terminate(MOST)
    if alive(process):
        process.kill()
        return None
    return watch.seconds
