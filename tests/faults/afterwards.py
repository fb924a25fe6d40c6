"""What must be true after every fault, whatever it was: I4, I5 and I6."""

import asyncio
from collections.abc import Iterator
from time import monotonic
from typing import Any

import httpx2

from tests.faults.outcome import Stopwatch
from tests.faults.world import World, alive, resident
from tests.support.outside import Viewer
from tests.support.stack import RESOURCE
from tests.support.traffic import Traffic
from tests.support.wait import until

RECOVERY = 10.0
"""Seconds within which a fresh start, packet and stop must work."""
PATIENCE = 40.0
"""Seconds that we wait for it, to see how long it really takes."""
MOST_MEMORY = 640 << 20
"""Bytes that one service may hold: a streamer keeps 256 MiB of packets, and as much for viewers."""


async def works(world: World) -> tuple[float, list[str]]:
    """I6: seconds until a fresh start, packet and stop worked, and what is wrong."""
    watch = Stopwatch()
    complaints: list[str] = []
    try:
        await until(lambda: _round(world), PATIENCE, every=0.1)
    except AssertionError:
        complaints.append(f"no fresh start, packet, stop within {PATIENCE:g} s")
    took = watch.seconds
    if took > RECOVERY and not complaints and world.full:
        complaints.append(f"a fresh start, packet, stop took {took:.1f} s, not {RECOVERY:g}")
    return took, complaints


async def _round(world: World) -> bool:
    """Start, see a packet, stop; False: not yet."""
    try:
        async with Traffic() as traffic:
            body = {"resource": RESOURCE, "service": "lo", "filter": traffic.filter}
            answer = await world.rest.http.post("/v1/captures", json=body, timeout=5)
            if answer.status_code != 202:
                return False
            started = answer.json()
            await _see_packets(world, started, traffic)
            await world.rest.stop(started["session"])
            await world.rest.ended(started["task_id"], PATIENCE)
    except (AssertionError, httpx2.HTTPError, OSError):
        await _give_up(world)
        return False
    return True


async def _see_packets(world: World, started: dict[str, Any], traffic: Traffic) -> None:
    task = await world.rest.task(started["task_id"], wait=10)
    assert task["state"] == "running", task
    async with Viewer(started["session"], started["stream"]) as viewer:
        await viewer.begin("beginning", raw=True)
        traffic.send(10)
        await viewer.has(10)
        assert traffic.numbers(viewer.frames) == list(range(10))


async def _give_up(world: World) -> None:
    """Stop what a round that failed has left, so that the next one can start."""
    try:
        listed = await world.rest.http.get("/v1/captures", params={"service": "lo", "limit": 10})
        for capture in listed.json().get("items", []):
            if capture["state"] not in ("stopped", "failed"):
                await world.rest.http.post(f"/v1/captures/{capture['session']}/stop")
    except (httpx2.HTTPError, OSError):
        return


async def at_rest(world: World) -> list[str]:
    """I4, once every capture has been stopped: none is open, each says why it ended, no claim,
    order or deadline is left, and every key has a TTL."""
    deadline = monotonic() + PATIENCE
    while complaints := [*_still_open(world), *_keys_left(world)]:
        if monotonic() > deadline:
            break
        await asyncio.sleep(0.2)
    return complaints + _for_ever(world) + _without_reason(world)


def _still_open(world: World) -> Iterator[str]:
    for record in world.records():
        if record["state"] not in ("stopped", "failed"):
            yield f"{record['_id']} is still {record['state']}"


def _without_reason(world: World) -> list[str]:
    ended = [one for one in world.records() if one["state"] in ("stopped", "failed")]
    return [f"{one['_id']} ended without a reason" for one in ended if not one.get("stop_reason")]


def _keys_left(world: World) -> Iterator[str]:
    """Claims, orders and deadlines of captures that have ended; a viewer's lease runs out."""
    with world.place.redis() as redis:
        for key in redis.scan_iter("capflow:*"):
            if key.startswith("capflow:running:"):
                yield f"{key} stayed"
            elif key.startswith("capflow:wanted:"):
                orders = [name for name in redis.hkeys(key) if name != "revision"]
                yield from (f"{key} still has {name}" for name in orders)
        if left := redis.zrange("capflow:deadlines", 0, -1):
            yield f"deadlines are kept of {', '.join(left)}"


def _for_ever(world: World) -> list[str]:
    with world.place.redis() as redis:
        keys = sorted(key for key in redis.scan_iter("capflow:*") if redis.ttl(key) == -1)
    return [f"{key} has no TTL" for key in keys]


async def within_limits(world: World) -> list[str]:
    """I5: no service was ever larger than it may be, and no queue keeps anything."""
    complaints, most = [], dict(world.peaks)
    for name, process in world.stack.processes.items():
        if alive(process):
            most[name] = max(most.get(name, 0), resident(process, peak=True))
        else:
            complaints.append(f"{name} does not run")
    complaints += [f"{name} held {held >> 20} MiB" for name, held in most.items()
                   if held > MOST_MEMORY]  # fmt: skip
    return complaints + await _queues_drain(world)


async def _queues_drain(world: World) -> list[str]:
    deadline = monotonic() + PATIENCE
    while left := _waiting(world):
        if monotonic() > deadline:
            return [f"{count} messages stay in {name}" for name, count in left.items()]
        await asyncio.sleep(0.2)
    return []


def _waiting(world: World) -> dict[str, int]:
    depths = {name: queue.get("messages", 0) for name, queue in world.place.queues().items()}
    return {name: count for name, count in depths.items() if count and name != "capflow.dead"}
