"""Long polls: held back while requested, woken by events, and bounded."""

import asyncio
from time import monotonic

import pytest

from contracts.task import Failure, TaskState
from services.gateway import waiting
from tests.gateway.world import World
from tests.support.wait import until

WAIT = 60
"""Seconds that a poll may take, where something else should end it long before."""


async def _waiting(world: World, count: int) -> None:
    async def all_wait() -> bool:
        metrics = (await world.http.get("/metrics")).text
        return f"capflow_gateway_waiting {float(count)}" in metrics

    await until(all_wait)


async def test_a_poll_is_answered_as_soon_as_the_task_runs(
    gateway: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "_READ_AGAIN", 2 * WAIT)
    started = await gateway.start()
    path = f"/v1/tasks/{started['task_id']}"
    poll = asyncio.create_task(gateway.http.get(path, params={"wait": WAIT}))
    await _waiting(gateway, 1)
    began = monotonic()
    await gateway.dispatcher.becomes(started["task_id"], TaskState.RUNNING)
    answer = await poll
    assert answer.json()["state"] == "running"
    assert monotonic() - began < WAIT / 2, "an event wakes it, and no interval"


async def test_fifty_polls_of_one_task_are_all_answered(embedded: World) -> None:
    started = await embedded.start()
    path = f"/v1/tasks/{started['task_id']}?wait=30"
    polls = [asyncio.create_task(embedded.http.get(path)) for _ in range(50)]
    await _waiting(embedded, 50)
    error = Failure(code="no-such-interface", detail="eth0 is gone")
    await embedded.dispatcher.becomes(started["task_id"], TaskState.FAILED, error=error)
    answers = [(await poll).json() for poll in polls]
    assert {answer["state"] for answer in answers} == {"failed"}
    assert answers[0]["error"] == {"code": "no-such-interface", "detail": "eth0 is gone"}
    await _waiting(embedded, 0)


async def test_a_poll_ends_with_its_wait(embedded: World) -> None:
    started = await embedded.start()
    began = monotonic()
    answer = await embedded.http.get(f"/v1/tasks/{started['task_id']}?wait=0.3")
    assert answer.json()["state"] == "requested"
    assert 0.3 <= monotonic() - began < WAIT / 2


async def test_a_task_that_runs_already_is_not_waited_for(embedded: World) -> None:
    started = await embedded.start()
    await embedded.dispatcher.becomes(started["task_id"], TaskState.RUNNING)
    began = monotonic()
    await embedded.http.get(f"/v1/tasks/{started['task_id']}?wait={WAIT}")
    assert monotonic() - began < WAIT / 2


async def test_an_event_that_is_not_heard_costs_a_look_and_not_the_wait(embedded: World) -> None:
    started = await embedded.start()
    poll = asyncio.create_task(embedded.http.get(f"/v1/tasks/{started['task_id']}?wait={WAIT}"))
    await _waiting(embedded, 1)
    await embedded.tasks.hset(f"capflow:task:{started['task_id']}", "state", "running")
    began = monotonic()
    assert (await poll).json()["state"] == "running"
    assert monotonic() - began < WAIT / 2


async def test_one_waiter_too_many_is_answered_at_once(
    embedded: World, monkeypatch: object
) -> None:
    started = await embedded.start()
    path = f"/v1/tasks/{started['task_id']}?wait=30"
    first = asyncio.create_task(embedded.http.get(path))
    await _waiting(embedded, 1)
    limit, waiting._MOST_WAITERS = waiting._MOST_WAITERS, 1
    try:
        assert (await embedded.http.get(path)).json()["state"] == "requested"
    finally:
        waiting._MOST_WAITERS = limit
    metrics = (await embedded.http.get("/metrics")).text
    assert "capflow_gateway_not_waited_total 1.0" in metrics
    await embedded.dispatcher.becomes(started["task_id"], TaskState.RUNNING)
    await first


async def test_a_gateway_that_stops_answers_those_who_wait(embedded: World) -> None:
    started = await embedded.start()
    poll = asyncio.create_task(embedded.http.get(f"/v1/tasks/{started['task_id']}?wait={WAIT}"))
    await _waiting(embedded, 1)
    began = monotonic()
    embedded.stop.set()
    assert (await poll).json()["state"] == "requested"
    await embedded.running
    assert monotonic() - began < WAIT / 2
