"""RabbitMQ is killed, frozen, closes connections, runs short, or is robbed of a queue."""

import asyncio

from tests.faults.outcome import Outcome, Stopwatch, really
from tests.faults.promises import Promises
from tests.faults.verdict import Verdict
from tests.faults.world import MANY, World
from tests.support.wait import until


async def killed(world: World) -> Outcome:
    """1: SIGKILL during starts and stops; started again."""
    count, promises = int(world.pick(200, 60)), Promises(world)
    clients = asyncio.create_task(_starts_and_stops(promises, count))
    await until(lambda: len(promises.to_stop) > count // 5, 60)
    await asyncio.to_thread(world.servers.rabbitmq.kill)
    down = Stopwatch()
    before = promises.answers["503"] + promises.answers["none"]
    await until(lambda: promises.answers["503"] + promises.answers["none"] > before, 30)
    await asyncio.to_thread(world.servers.rabbitmq.start)
    away = down.seconds
    up = Stopwatch()
    done = len(promises.to_stop)
    await until(lambda: len(promises.to_stop) > done, 60)
    recovered = up.seconds
    await clients
    unanswered = promises.answers["503"] + promises.answers["none"]
    really(unanswered, "no client was told that the broker is away")
    return Outcome(
        f"SIGKILL of RabbitMQ during {count} starts and stops; back after {away:.1f} s",
        f"{unanswered} answers were 503; {len(promises.accepted)} captures accepted",
        Verdict(i1=promises.judge()),
        recovered,
    )


async def _starts_and_stops(promises: Promises, count: int) -> None:
    """Many captures, a few at a time, each on a service of its own."""
    waiting = iter(range(count))

    async def client(number: int) -> None:
        for _ in waiting:
            await promises.start_and_stop(f"s{number}")

    async with asyncio.TaskGroup() as group:
        for number in range(min(10, MANY)):
            group.create_task(client(number))
