"""Task events as server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from contracts.task import Task, TaskState
from services.gateway import sse
from services.gateway.metrics import Metrics
from services.gateway.sse import Listener, Listeners, event_stream
from tests.gateway.world import World
from tests.support.wait import until


@asynccontextmanager
async def following(world: World, query: str = "") -> AsyncIterator[AsyncIterator[str]]:
    """The lines of an event stream, once it has begun."""
    async with world.http.stream("GET", f"/v1/events{query}") as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = response.aiter_lines()
        assert await anext(lines) == ": task events follow"
        yield lines


async def data(lines: AsyncIterator[str], count: int) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    async for line in lines:
        if line.startswith("data: "):
            found.append(json.loads(line.removeprefix("data: ")))
        if len(found) == count:
            break
    return found


async def test_every_reader_gets_each_change_of_each_task(gateway: World) -> None:
    async with following(gateway) as one, following(gateway) as other:
        started = await gateway.start()
        await gateway.dispatcher.becomes(started["task_id"], TaskState.RUNNING)
        await gateway.dispatcher.ends(started["task_id"])
        for lines in (one, other):
            tasks = await data(lines, 3)
            assert [task["state"] for task in tasks] == ["requested", "running", "stopped"]
            assert {task["task_id"] for task in tasks} == {started["task_id"]}


async def test_an_event_has_a_name_and_an_id(embedded: World) -> None:
    async with following(embedded) as lines:
        started = await embedded.start()
        seen: list[str] = []
        async for line in lines:
            seen.append(line)
            if line.startswith("id: "):
                break
    assert "event: task" in seen
    assert seen[-1] == f"id: {started['task_id']}:requested"


async def test_resources_are_told_to_those_who_asked(embedded: World) -> None:
    await embedded.dispatcher.resource("web-9", "eth0")
    async with (
        following(embedded) as tasks,
        following(embedded, "?resources=1") as all_news,
    ):
        await embedded.dispatcher.resource("web-9", "eth0", online=False)
        await embedded.dispatcher.resource("web-8", "eth0")
        told = {str(each["resource"]): each["online"] for each in await data(all_news, 2)}
        assert told == {"web-9": False, "web-8": True}
        started = await embedded.start()
        (task,) = await data(tasks, 1)  # and no resource before it
        assert task["task_id"] == started["task_id"]
        kinds = [set(each) for each in await data(all_news, 2)]  # the task, and that it runs there
        assert sum("task_id" in fields for fields in kinds) == 1
        assert sum("running" in fields for fields in kinds) == 1


async def test_that_an_agent_is_heard_of_again_is_no_change(embedded: World) -> None:
    await embedded.dispatcher.resource("web-1", "eth0")
    async with following(embedded, "?resources=1") as lines:
        await embedded.dispatcher.resource("web-1", "eth0")
        await embedded.dispatcher.resource("web-9", "eth0")
        (told,) = await data(lines, 1)
    assert told["resource"] == "web-9"


async def test_silence_is_told_from_a_dead_link(
    embedded: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "HEARTBEAT", 0.02)
    async with following(embedded) as lines:
        async for line in lines:
            if line == ": alive":
                break


async def test_a_reader_that_leaves_is_forgotten(embedded: World) -> None:
    async def streams(count: int) -> bool:
        wanted = f'capflow_gateway_streams{{kind="events"}} {float(count)}'
        return wanted in (await embedded.http.get("/metrics")).text

    async with following(embedded):
        await until(lambda: streams(1))
    await until(lambda: streams(0))


async def test_a_gateway_that_stops_ends_the_streams(embedded: World) -> None:
    async with following(embedded) as lines:
        embedded.stop.set()
        rest = [line async for line in lines]
    assert ": ended: shutdown; read anew" in rest
    await embedded.running


async def test_one_stream_too_many_is_refused(
    embedded: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.gateway.streaming.Slots.check", _full)
    answer = await embedded.http.get("/v1/events")
    assert (answer.status_code, answer.json()["code"]) == (503, "too-many-streams")


def _full(self: object) -> None:
    from services.gateway.problems import Refused

    raise Refused("too-many-streams", "full", retry_after=5)


def _task(state: TaskState = TaskState.RUNNING) -> Task:
    return Task.model_validate(
        {
            "task_id": uuid4(),
            "session": "web-1.eth0.20261123215502",
            "resource": "web-1",
            "service": "eth0",
            "state": state,
            "requested_by": "ops",
            "requested_at": "2026-11-23T21:55:02Z",
        }
    )


async def test_a_slow_reader_gets_what_was_queued_and_then_the_end() -> None:
    listener = Listener(size=3)
    tasks = [_task() for _ in range(5)]
    for task in tasks:
        listener.tell(task)
    assert listener.ended == "cut-slow"
    assert [await listener.next(0.01) for _ in range(3)] == tasks[:3]
    assert listener.over


async def test_a_slow_reader_does_not_hold_up_others() -> None:
    listeners = Listeners(Metrics())
    with listeners.listening() as slow, listeners.listening() as quick:
        for _ in range(2000):
            task = _task()
            listeners.tell(task)
            assert await quick.next(1) == task
        assert slow.ended == "cut-slow"
        assert quick.ended is None


async def test_missed_events_end_the_streams_that_missed_them() -> None:
    metrics = Metrics()
    listeners = Listeners(metrics)
    stream = event_stream(listeners)
    await anext(stream)
    listeners.missed()
    assert [piece async for piece in stream] == [b": ended: missed; read anew\n\n"]
    cut = metrics.registry.get_sample_value(
        "capflow_gateway_streams_cut_total", {"kind": "events", "reason": "missed"}
    )
    assert cut == 1


async def test_a_reader_is_woken_at_once() -> None:
    listener = Listener()
    reading = asyncio.create_task(listener.next(30))
    await asyncio.sleep(0)
    task = _task()
    listener.tell(task)
    assert await asyncio.wait_for(reading, 15) == task
