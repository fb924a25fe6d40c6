"""Services are told to end while something they depend on is frozen."""

import asyncio
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
            ends = await _end_all(world)
        finally:
            server.thaw()
        verdict.own += [f"{service} {how}, {name} being frozen"
                        for service, (_, how) in ends.items() if how]  # fmt: skip
        seen.append(f"{name}: {', '.join(f'{one} {s:.1f} s' for one, (s, _) in ends.items())}")
        await asyncio.to_thread(world.stack.start)
        await promises.ended(task_id)
    verdict.i1 += promises.judge()
    return Outcome("SIGTERM to every service while one server was frozen", "; ".join(seen), verdict)


async def _end_all(world: World) -> dict[str, tuple[float, str]]:
    """SIGTERM to all at once; of each how long it took, and what is wrong with how it ended."""
    processes = world.stack.processes
    dead = [name for name, process in processes.items() if not alive(process)]
    really(not dead, f"{', '.join(dead)} had ended before")
    ends = (asyncio.to_thread(_end, world, process) for process in processes.values())
    return dict(zip(processes, await asyncio.gather(*ends), strict=True))


def _end(world: World, process: Process) -> tuple[float, str]:
    watch = Stopwatch()
    try:
        status = process.terminate(MOST)
    except TimeoutExpired:
        world.kill(process)
        return watch.seconds, f"did not end within {MOST:g} s"
    return watch.seconds, f"ended with status {status}" if status else ""
