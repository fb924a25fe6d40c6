"""The task store is killed, comes back empty or old, is frozen, or its answers are lost."""

import asyncio
import json
import shutil
from collections.abc import Mapping
from typing import Any

from redis.exceptions import RedisError

from tests.faults.outcome import Outcome, Stopwatch, really
from tests.faults.promises import Promises
from tests.faults.proxied import Proxied
from tests.faults.verdict import Verdict
from tests.faults.world import KEEPALIVE, World, metrics
from tests.support.stack import RESOURCE
from tests.support.wait import until

ADOPTIONS = "capflow_dispatcher_adoptions_total"
IN_TIME = 3.0
"""Seconds within which a start is answered, one way or the other."""
REBUILT = 2 * KEEPALIVE
_APPENDED = 1.2
"""Seconds after which Redis has appended to its file what it was told."""


async def wiped_and_old(world: World) -> Outcome:
    """11: killed with captures running; back empty, and then back as it was some time ago."""
    captures, promises, verdict = int(world.pick(50, 20)), Promises(world), Verdict()
    half, before = captures // 2, await _adoptions(world)
    running = await _started(promises, 0, captures)

    empty = await _come_back(world, running, lambda: world.servers.redis.restart(keep_data=False))
    verdict.i1 += await _went_on(world, running)
    await _stop(promises, running[half:])
    await asyncio.sleep(_APPENDED)
    old = world.folder / "old-redis"
    shutil.copytree(world.servers.redis.data, old)
    await asyncio.sleep(world.pick(60, 0))
    stopped, left = running[:5], running[5:half]
    left += await _started(promises, half, captures)
    await _stop(promises, stopped)

    back = await _come_back(world, left, lambda: _restore(world, old))
    shutil.rmtree(old)
    verdict.i1 += await _went_on(world, left)
    verdict.i4 += await _stay_stopped(world, stopped)
    slowest = max(empty, back)
    verdict.must(world.in_time(slowest, REBUILT + 1), f"rebuilt in {empty:.1f}, {back:.1f} s")
    adopted = await _adoptions(world) - before
    really(adopted >= 2, f"the dispatcher adopted {adopted:g} times")
    really(_ended_by_the_agent(world), "the agent's log does not tell of captures that ended")
    await _stop(promises, left)
    verdict.i1 += promises.judge()
    return Outcome(
        f"SIGKILL with {captures} captures: back empty; back with what it held before half of "
        "them began and 5 were stopped",
        f"rebuilt {empty:.1f} s and {back:.1f} s after it was back; none restarted or ended",
        verdict,
        slowest,
    )


async def _adoptions(world: World) -> float:
    return (await metrics(world.stack.processes["dispatcher"])).get(ADOPTIONS, 0)


async def _started(promises: Promises, begin: int, end: int) -> list[str]:
    """Captures that run, on services `s<begin>` up to `s<end>`."""
    asks = (promises.start(f"s{number}", keep=True) for number in range(begin, end))
    tasks = [task for task in await asyncio.gather(*asks) if task is not None]
    assert len(tasks) == end - begin
    states = await asyncio.gather(*(promises.world.rest.task(task, wait=30) for task in tasks))
    assert {one["state"] for one in states} == {"running"}, states
    return tasks


async def _stop(promises: Promises, tasks: list[str]) -> None:
    await asyncio.gather(*(promises.stop(task) for task in tasks))
    await asyncio.gather(*(promises.ended(task) for task in tasks))


async def _come_back(world: World, tasks: list[str], restart: Any) -> float:
    """Kill Redis and bring it back; seconds from then until every task is there, as it was."""
    await asyncio.to_thread(world.servers.redis.kill)
    await asyncio.to_thread(restart)
    back = Stopwatch()
    await until(lambda: _all_there(world, tasks), 40, every=0.05)
    return back.seconds


def _restore(world: World, old: Any) -> None:
    redis = world.servers.redis
    shutil.rmtree(redis.data)
    shutil.copytree(old, redis.data)
    redis.start()


def _all_there(world: World, tasks: list[str]) -> bool:
    """Whether every task runs, has its claim, and is wanted; and nothing else is."""
    try:
        with world.place.redis() as redis:
            claims = {redis.get(key) for key in redis.scan_iter(f"capflow:running:{RESOURCE}.*")}
            wanted = set(redis.hkeys(f"capflow:wanted:{RESOURCE}"))
            states = {redis.hget(f"capflow:task:{task}", "state") for task in tasks}
    except RedisError:
        return False
    return claims == set(tasks) and states == {"running"} and set(tasks) <= wanted


async def _went_on(world: World, tasks: list[str]) -> list[str]:
    """What is wrong with captures that Redis should have made no difference to."""
    found = await asyncio.gather(*(world.rest.task(task) for task in tasks))
    ended = _ended_by_the_agent(world)
    complaints = [f"{one['session']} is {one['state']}: {one['stop_reason']}" for one in found
                  if one["state"] != "running"]  # fmt: skip
    return complaints + [f"the agent has ended {one['session']} once" for one in found
                         if one["session"] in ended]  # fmt: skip


def _ended_by_the_agent(world: World) -> set[str]:
    """The sessions of all captures that ever ended there, as its log has them."""
    lines = world.agent.log.read_text(errors="replace").splitlines()
    return {json.loads(line)["session"] for line in lines if '"a capture ended"' in line}


async def _stay_stopped(world: World, tasks: list[str]) -> list[str]:
    """What is wrong with captures that the old snapshot knew as running."""
    found = [await world.rest.task(task) for task in tasks]
    return [f"{one['session']} is {one['state']} again" for one in found
            if one["state"] != "stopped"]  # fmt: skip


async def frozen_and_deaf(world: Proxied) -> Outcome:
    """12: SIGSTOP; then all answers of Redis to the dispatcher are lost while claims are made."""
    promises, verdict, seconds = Promises(world), Verdict(), world.pick(10, 4)
    world.servers.redis.freeze()
    frozen = Stopwatch()
    clients = [asyncio.create_task(promises.start(f"s{n}", keep=True)) for n in range(20, 30)]
    await until(lambda: frozen.seconds > seconds, seconds + 30, every=0.1)
    refused = promises.answers["503"]
    world.servers.redis.thaw()
    thawed = Stopwatch()
    tasks = [await client for client in clients]
    recovered = thawed.seconds
    really(refused, "no start was refused while Redis was frozen")

    swallowed = world.tasks.swallowed
    with world.tasks.forget(f"capflow:running:{RESOURCE}.s1".encode()):  # and not as others run
        clients = [asyncio.create_task(promises.start(f"s{n}", keep=True)) for n in range(10, 20)]
        made = await until(lambda: _claims(world).keys() - set(tasks), 15, every=0.05)
        await until(lambda: world.tasks.swallowed > swallowed, 10)  # a claim is seen before that
        deaf = promises.answers["503"] - refused
    tasks += [await client for client in clients]
    verdict.i4 += _leaked(world, tasks)
    slowest = promises.slowest
    verdict.must(world.in_time(slowest, IN_TIME), f"a start was answered after {slowest:.1f} s")
    await _stop(promises, [task for task in tasks if task is not None])
    verdict.i1 += promises.judge()
    return Outcome(
        f"SIGSTOP for {seconds:g} s; answers lost while claims were made",
        f"{refused} starts were 503, the slowest after {slowest:.1f} s; {len(made)} claims were "
        f"made without an answer, each found again ({deaf} more 503)",
        verdict,
        recovered,
    )


def _claims(world: World) -> Mapping[str, str]:
    """The services claimed, by the task that holds each."""
    with world.place.redis() as redis:
        keys = list(redis.scan_iter(f"capflow:running:{RESOURCE}.*"))
        return {str(redis.get(key)): key for key in keys}


def _leaked(world: World, tasks: list[str | None]) -> list[str]:
    return [f"{key} is held by {holder}, which is no task"
            for holder, key in _claims(world).items() if holder not in tasks]  # fmt: skip
