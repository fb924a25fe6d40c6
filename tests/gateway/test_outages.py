"""RabbitMQ, Redis and MongoDB, each frozen under a gateway: refused in time, and then well."""

import asyncio
from pathlib import Path
from time import monotonic
from typing import Any

import httpx2
import pytest

from contracts.task import TaskState
from services.gateway import waiting
from tests.gateway.world import World, settings, world
from tests.servers.mongo import MongoServer
from tests.servers.process import Server
from tests.servers.rabbitmq import RabbitServer
from tests.servers.redis import RedisServer
from tests.support.wait import until

START = {"resource": "web-1", "service": "eth0"}
SESSION = "web-1.eth0.20261123215502"
REFUSED_WITHIN = 20.0
"""Seconds: several times what the gateway waits, and still less than the libraries would."""
ENDS_WITHIN = 30.0
WAIT = 60
"""Seconds that a long poll may take, where an event should end it at once."""


async def refused(world: World, method: str, path: str, **more: Any) -> httpx2.Response:
    """The answer, which must be a 503 in time."""
    began = monotonic()
    answer = await world.http.request(method, path, **more)
    assert answer.status_code == 503, answer.text
    assert monotonic() - began < REFUSED_WITHIN, f"{method} {path}"
    assert answer.headers["retry-after"]
    return answer


async def well_again(world: World, task_id: str) -> None:
    """Starts, reads and stops work."""

    async def started() -> bool:
        answer = await world.http.post("/v1/captures", json=START | {"task_id": task_id})
        return answer.status_code == 202

    await until(started, every=0.2)
    task = (await world.http.get(f"/v1/tasks/{task_id}")).json()
    stopped = await world.http.post(f"/v1/captures/{task['session']}/stop")
    assert stopped.status_code == 202
    await until(lambda: _ready(world))


async def _ready(world: World) -> bool:
    return (await world.http.get("/readyz")).status_code == 200


async def ends_in_time(world: World) -> None:
    """The gateway ends though something it depends on is frozen."""
    began = monotonic()
    world.stop.set()
    await world.running
    assert monotonic() - began < ENDS_WITHIN


@pytest.mark.timeout(180)
async def test_a_frozen_broker(
    tmp_path: Path,
    private_rabbitmq: RabbitServer,
    private_bus_url: str,
    tasks_url: str,
    mongo_url: str,
) -> None:
    chosen = {"tasks_url": tasks_url, "endpoints": f"main={mongo_url}"}
    async with world(settings(tmp_path, bus_url=private_bus_url, **chosen)) as made:
        await asyncio.to_thread(private_rabbitmq.freeze)
        problem = (await refused(made, "POST", "/v1/captures", json=START)).json()
        await refused(made, "POST", f"/v1/captures/{SESSION}/stop")
        assert (await made.http.get("/v1/captures")).status_code == 200, "reads need no broker"
        await asyncio.to_thread(private_rabbitmq.thaw)
        await well_again(made, problem["task_id"])
        await _events_are_heard(made)
        await asyncio.to_thread(private_rabbitmq.freeze)
        await ends_in_time(made)
        await asyncio.to_thread(private_rabbitmq.thaw)


async def _events_are_heard(world: World) -> None:
    """A long poll that does not look again by itself is woken by an event."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(waiting, "_READ_AGAIN", 2 * WAIT)
        started = await world.start(service="eth7")
        poll = asyncio.create_task(world.http.get(f"/v1/tasks/{started['task_id']}?wait={WAIT}"))
        await until(lambda: _waits(world))
        began = monotonic()
        await world.dispatcher.becomes(started["task_id"], TaskState.RUNNING)
        assert (await poll).json()["state"] == "running"
        assert monotonic() - began < WAIT / 2


async def _waits(world: World) -> bool:
    return "capflow_gateway_waiting 1.0" in (await world.http.get("/metrics")).text


async def test_a_broker_that_restarts(
    tmp_path: Path,
    private_rabbitmq: RabbitServer,
    private_bus_url: str,
    tasks_url: str,
    mongo_url: str,
) -> None:
    chosen = {"tasks_url": tasks_url, "endpoints": f"main={mongo_url}"}
    async with world(settings(tmp_path, bus_url=private_bus_url, **chosen)) as made:
        async with made.http.stream("GET", "/v1/events") as response:
            lines = response.aiter_lines()
            await anext(lines)
            await asyncio.to_thread(private_rabbitmq.kill)
            problem = (await refused(made, "POST", "/v1/captures", json=START)).json()
            await asyncio.to_thread(private_rabbitmq.restart)
            ended = [line async for line in lines]
        assert ": ended: missed; read anew" in ended
        await well_again(made, problem["task_id"])
        await _events_are_heard(made)


async def test_a_frozen_task_store(
    tmp_path: Path, bus_url: str, private_redis: RedisServer, mongo_url: str
) -> None:
    chosen = {"bus_url": bus_url, "endpoints": f"main={mongo_url}"}
    async with world(settings(tmp_path, tasks_url=private_redis.url, **chosen)) as made:
        started = await made.start()
        await _frozen(private_redis, made, started, ("/v1/resources", "/v1/resources/web-1"))


async def test_a_frozen_packet_store(
    tmp_path: Path, bus_url: str, tasks_url: str, private_mongo: MongoServer
) -> None:
    chosen = {"bus_url": bus_url, "tasks_url": tasks_url}
    async with world(settings(tmp_path, endpoints=f"main={private_mongo.url}", **chosen)) as made:
        started = await made.start()
        session = started["session"]
        await made.tasks.delete(f"capflow:task:{started['task_id']}")
        paths = (f"/v1/captures/{session}/packets", f"/v1/captures/{session}/pcapng")
        await _frozen(private_mongo, made, started, paths)


async def _frozen(
    server: Server, made: World, started: dict[str, Any], paths: tuple[str, ...]
) -> None:
    session = started["session"]
    await asyncio.to_thread(server.freeze)
    for path in (*paths, f"/v1/tasks/{started['task_id']}", f"/v1/captures/{session}"):
        await refused(made, "GET", path)
    assert (await made.http.get("/readyz")).status_code == 503
    assert (await made.http.get("/healthz")).status_code == 200
    await asyncio.to_thread(server.thaw)

    async def reads() -> bool:
        return (await made.http.get(f"/v1/captures/{session}")).status_code == 200

    await until(reads)
    await asyncio.to_thread(server.freeze)
    await ends_in_time(made)
    await asyncio.to_thread(server.thaw)
