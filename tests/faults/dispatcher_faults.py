"""The dispatcher is killed in the middle of its work, or what it tells an agent is lost."""

import asyncio
import json
import re
from collections import Counter
from uuid import uuid4

from tests.faults.outcome import Outcome, Stopwatch, really
from tests.faults.promises import QUIET, Promises
from tests.faults.proxied import Proxied
from tests.faults.verdict import Verdict
from tests.faults.world import KEEPALIVE
from tests.support.bus_client import BusClient
from tests.support.stack import RESOURCE
from tests.support.wait import until

REACHED = 2 * KEEPALIVE
"""Seconds within which a lost order must have reached its agent."""


async def killed_before_ack(world: Proxied) -> Outcome:
    """8: a start is carried out and its ack is swallowed; then SIGKILL; and so on."""
    times = int(world.pick(20, 3))
    verdict, redelivered, tasks = Verdict(), 0, []
    dispatcher = world.stack.processes["dispatcher"]
    world.place.dead_letters()
    for number in range(times):
        task_id = str(uuid4())
        tasks.append(task_id)
        async with BusClient(world.place.amqp_url) as bus:
            with world.bus.drop("requests"):
                await _publish_start(bus, f"s{number}", task_id)
                await until(lambda: _is_recorded(world, task_id), 20, every=0.05)  # noqa: B023
                world.kill(dispatcher)
        redelivered += bool(await _redelivered(world))
        await asyncio.to_thread(dispatcher.start)
        await until(lambda: _runs(world, task_id), 30, every=0.1)  # noqa: B023
    for task_id in tasks:
        await world.rest.stop((await world.rest.task(task_id))["session"])
        await world.rest.ended(task_id)
    really(redelivered == times, f"{redelivered} of {times} starts were delivered again")
    recorded = Counter(str(record["task_id"]) for record in world.records())
    verdict.i1 += [
        f"{task} is there {recorded[task]} times" for task in tasks if recorded[task] != 1
    ]
    dead = world.place.dead_letters()
    verdict.must(not dead, f"{len(dead)} healthy messages are dead letters")
    seen = f"{redelivered} starts were still with the broker; each became one capture"
    return Outcome(f"SIGKILL between record and ack, {times} times", seen, verdict)


async def _publish_start(bus: BusClient, service: str, task_id: str) -> None:
    command = {"resource": RESOURCE, "service": service, "filter": QUIET, "keep": True,
               "task_id": task_id}  # fmt: skip
    key, kind = f"capture.start.{RESOURCE}.{service}", "capture.start"
    await bus.publish(json.dumps(command).encode(), key, type=kind, headers={"version": 1})


def _is_recorded(world: Proxied, task_id: str) -> bool:
    return any(str(record["task_id"]) == task_id for record in world.records())


async def _redelivered(world: Proxied) -> int:
    """Messages that the broker still has after it lost the dispatcher."""
    name = "capflow.dispatcher.commands"

    def back() -> int:
        return int(world.place.queues()[name].get("messages_ready", 0))

    try:
        return await until(back, 15, every=0.1)
    except AssertionError:
        return 0


async def _runs(world: Proxied, task_id: str) -> bool:
    answer = await world.rest.http.get(f"/v1/tasks/{task_id}")
    return answer.status_code == 200 and answer.json()["state"] == "running"


async def reply_lost(world: Proxied) -> Outcome:
    """9: what the dispatcher tells the agent of a start is swallowed, and likewise of a stop."""
    promises, verdict, times, bus = Promises(world), Verdict(), [], world.agent_bus
    for number in range(int(world.pick(10, 2))):
        with bus.drop("answers"):
            task_id = await promises.start(f"s{number}", keep=True)
            assert task_id is not None
            await until(lambda: task_id.encode() in bus.lost, 10)  # noqa: B023
            known = _revision(bus.lost)
        told = Stopwatch()
        await until(lambda: _runs(world, task_id), 30, every=0.05)  # noqa: B023
        times.append(told.seconds)
        with bus.drop("answers"):
            await promises.stop(task_id)
            await until(lambda: _revision(bus.lost) > known, 10)  # noqa: B023
        told = Stopwatch()
        await promises.ended(task_id)
        times.append(told.seconds)
    verdict.must(world.in_time(max(times), REACHED), f"an order took {max(times):.1f} s")
    verdict.i1 += promises.judge()
    seen = f"{len(times)} lists were lost; the next one came within {max(times):.1f} s"
    return Outcome("lists to the agent swallowed", seen, verdict, max(times))


def _revision(lost: bytes) -> int:
    """The newest revision among wanted lists, 0 where there is none: a change makes it greater."""
    return max(map(int, re.findall(rb'"revision": ?(\d+)', lost)), default=0)
