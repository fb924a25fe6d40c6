"""What is killed and comes back in the middle of a capture: agent, RabbitMQ, MongoDB."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.support.outside import Rest, Viewer, packets_of_pcapng
from tests.support.servers import Servers
from tests.support.stack import RESOURCE, Stack
from tests.support.traffic import Traffic
from tests.support.wait import until


async def _works_again(rest: Rest, traffic: Traffic) -> None:
    """A fresh start, packet and stop."""
    started: dict[str, Any] = {}

    async def accepted() -> bool:
        body = {"resource": RESOURCE, "service": "lo", "filter": traffic.filter}
        answer = await rest.http.post("/v1/captures", json=body)
        started.update(answer.json())
        return answer.status_code == 202

    await until(accepted, 30, every=0.2)
    assert (await rest.task(started["task_id"], wait=30))["state"] == "running"
    first = traffic.sent
    async with Viewer(started["session"], started["stream"]) as viewer:
        await viewer.begin("beginning", raw=True)
        traffic.send(10)
        await viewer.has(10)
    assert traffic.numbers(viewer.frames) == list(range(first, first + 10))
    await rest.stop(started["session"])
    ended = await rest.ended(started["task_id"])
    assert ended["stop_reason"] == "requested"


@pytest.mark.parametrize("away", ["within its lease", "for longer than its lease"])
async def test_an_agent_that_was_killed_ends_its_capture_once(
    own_stack: Stack, traffic: Traffic, away: str
) -> None:
    own_stack.start()
    agent = own_stack.processes["agent"]
    async with Rest(own_stack) as rest:
        started = await rest.start_running(filter=traffic.filter, keep=True)
        task_id, session = started["task_id"], started["session"]
        traffic.send(300)
        await until(lambda: _stored(rest, session, 300))
        stored = await _all(rest, session)
        agent.kill()
        traffic.send(50)
        if away == "for longer than its lease":
            await until(lambda: _in_state(rest, task_id, "lost"), 20, every=0.1)
        await asyncio.to_thread(agent.start)
        ended = await rest.ended(task_id)
        assert (ended["state"], ended["stop_reason"]) == ("stopped", "agent-restarted")
        assert "unknown" in ended["error"]["detail"]
        ledger = ended["ledger"]
        assert ledger["stored"] == 300
        assert ledger["captured"] == ledger["stored"] + ledger["dropped_agent"]
        assert ledger["seen"] == (
            ledger["captured"] + ledger["dropped_kernel"] + ledger["beyond_limit"]
        )
        # Nothing ran twice and nothing was written over.
        traffic.send(50)
        await _works_again(rest, traffic)
        assert await _all(rest, session) == stored
        assert (await rest.task(task_id))["stopped_at"] == ended["stopped_at"]


@asynccontextmanager
async def _capture_under_way(
    stack: Stack, traffic: Traffic
) -> AsyncIterator[tuple[Rest, Viewer, dict[str, Any]]]:
    async with Rest(stack) as rest:
        started = await rest.start_running(filter=traffic.filter, keep=True)
        async with Viewer(started["session"], started["stream"]) as viewer:
            await viewer.begin("beginning", format="pcapng")
            traffic.start(rate=1000)
            await viewer.has(500)
            yield rest, viewer, started


@pytest.mark.parametrize("server", ["rabbitmq", "mongo"])
async def test_a_capture_goes_on_over_the_restart_of_a_server(
    own_stack: Stack, servers: Servers, traffic: Traffic, server: str
) -> None:
    own_stack.start()
    restart: dict[str, Callable[[], None]] = {
        "rabbitmq": servers.rabbitmq.restart,
        "mongo": servers.mongo.restart,
    }
    async with _capture_under_way(own_stack, traffic) as (rest, viewer, started):
        await asyncio.to_thread(restart[server])
        seen = traffic.sent
        await until(lambda: len(viewer.frames) > seen + 500, 60)
        await traffic.stop()
        await until(lambda: _stop(rest, started["session"]), 30, every=0.2)
        ended = await rest.ended(started["task_id"])
        end = await viewer.sees("end")
    assert (ended["state"], ended["stop_reason"]) == ("stopped", "requested")
    ledger = ended["ledger"]
    assert ledger["captured"] == ledger["stored"] == traffic.sent
    assert ledger["seen"] == ledger["captured"] + ledger["dropped_kernel"]
    assert traffic.numbers(viewer.frames) == list(range(traffic.sent))
    assert end["missing"] == end["skipped"] == 0
    async with Rest(own_stack) as rest:
        await _works_again(rest, traffic)


async def _stored(rest: Rest, session: str, packets: int) -> bool:
    ledger = (await rest.capture(session))["ledger"]
    return bool(ledger["stored"] >= packets)


async def _in_state(rest: Rest, task_id: str, state: str) -> bool:
    return bool((await rest.task(task_id))["state"] == state)


async def _stop(rest: Rest, session: str) -> bool:
    answer = await rest.http.post(f"/v1/captures/{session}/stop")
    return answer.status_code == 202


async def _all(rest: Rest, session: str) -> list[bytes]:
    answer = await rest.http.get(f"/v1/captures/{session}/pcapng")
    assert answer.status_code == 200
    return packets_of_pcapng(answer.content)
