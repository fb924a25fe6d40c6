"""What nobody can read is set aside with the reason; what stands beside it is handled."""

import pytest

from contracts.topology import (
    COMMANDS,
    EVENTS,
    KEEPALIVE,
    KEEPALIVE_TYPE,
    START_CAPTURE,
    STOP_CAPTURE,
    TASK_REPORT,
    VERSION_HEADER,
)
from services.runtime.bus.port import Outgoing
from tests.dispatcher.arena import Arena
from tests.support.wait import until

POISON = {
    "bad JSON": b"{",
    "no JSON": b"\x80\x04\x95pickle",
    "wrong schema": b'{"resource": 7}',
    "an array": b"[]",
    "deep": b"[" * 10_000,
    "NaN": b'{"resource": "web-1", "service": "eth0", "limits": {"seconds": NaN}}',
    "unfit": b'{"resource": "web-1", "service": "eth0", "snaplen": 13}',
    "negative": b'{"resource": "web-1", "service": "eth0", "limits": {"bytes": -1}}',
    "nothing": b"",
    "operator": b'{"resource": {"$gt": ""}, "service": "eth0"}',
}
HEALTHY = b'{"resource": "web-1", "service": "eth0"}'
PLACES = [
    (COMMANDS, "capture.start.web-1.eth0", START_CAPTURE),
    (COMMANDS, "capture.stop.web-1.eth0", STOP_CAPTURE),
    (KEEPALIVE, "web-1", KEEPALIVE_TYPE),
    (EVENTS, "report.running.web-1.eth0", TASK_REPORT),
]


@pytest.mark.parametrize(("exchange", "key", "kind"), PLACES)
async def test_poison_between_healthy_messages_is_set_aside(
    world: Arena, exchange: str, key: str, kind: str
) -> None:
    async with world.dispatcher(), world.agent() as agent:
        bodies = list(POISON.values())
        for body in bodies:
            await world.bus.publish(exchange, key, Outgoing(kind, body))
        await world.bus.publish(exchange, key, Outgoing("capture.dance", b"{}"))
        newer = Outgoing(kind, HEALTHY, headers={VERSION_HEADER: "99"})
        await world.bus.publish(exchange, key, newer)
        reply = await world.running(agent)
        await world.bus.publish(exchange, key, Outgoing(kind, b"{}"))
        await until(lambda: len(world.dead) == len(bodies) + 3)
        reasons = [reason for _, reason in world.dead]
        assert all(reasons)
        for expected in ("unknown type", "unknown version '99': known is 1"):
            assert sum(expected in reason for reason in reasons) == 1
        await world.stop(session=reply.session)
        await until(lambda: not agent.running)


async def test_an_agent_cannot_speak_for_another(world: Arena) -> None:
    async with world.dispatcher(), world.agent() as agent:
        await agent.beat(resource="db-1")  # published under its own key, web-1
        await until(lambda: world.dead)
        assert "speaks for db-1" in world.dead[0][1]
        assert not await world.tasks.exists("capflow:agent:db-1")


@pytest.mark.parametrize(
    "fields",
    [{"revision": 2**70}, {"seq": -1}, {"boot": 2**53}, {"interval": 0}, {"interval": 1e9}],
)
async def test_a_keepalive_with_numbers_that_cannot_be_is_set_aside(
    world: Arena, fields: dict[str, float]
) -> None:
    async with world.dispatcher(), world.agent() as agent:
        await agent.beat(**fields)
        await until(lambda: world.dead)
        assert "must be" in world.dead[0][1]
        assert (await world.running(agent)).accepted


async def test_a_report_under_another_key_is_set_aside(world: Arena) -> None:
    async with world.dispatcher(), world.agent() as agent:
        reply = await world.running(agent)
        assert reply.task_id is not None
        await agent.report(agent.captures[reply.task_id], resource="db-1")
        await until(lambda: world.dead)
        assert "belongs under" in world.dead[0][1]
