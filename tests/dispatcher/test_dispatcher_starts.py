"""Starts: each once, or refused with the reason."""

import asyncio
from uuid import UUID, uuid4

import pytest

from contracts.commands import CommandReply, Refused, StartCapture, task_id_of
from contracts.order import Limits
from contracts.task import StopReason, TaskState
from contracts.topology import (
    COMMANDS,
    REQUESTED_BY_HEADER,
    START_CAPTURE,
    refusal_key,
    start_key,
)
from services.runtime.bus.codec import encode
from services.runtime.bus.port import Incoming
from tests.dispatcher.arena import Arena, _reply
from tests.support.wait import until


async def test_fifty_starts_at_once_make_one_capture_and_49_refusals(world: Arena) -> None:
    async with world.dispatcher(), world.agent() as agent:
        replies = await asyncio.gather(*(world.start() for _ in range(50)))
        [winner] = [reply for reply in replies if reply.accepted]
        losers = [reply for reply in replies if not reply.accepted]
        assert len(losers) == 49
        for loser in losers:
            assert loser.error is not None
            assert loser.error.code == Refused.ALREADY_RUNNING
            assert (loser.task_id, loser.session) == (winner.task_id, winner.session)
        await until(lambda: agent.running == {winner.task_id})
        assert len(await world.records.open_sessions("web-1")) == 1
        assert len([k async for k in world.tasks.scan_iter("capflow:task:*")]) == 1


async def test_two_dispatchers_admit_each_of_many_contested_starts_once(world: Arena) -> None:
    services = tuple(f"s{number}" for number in range(25))
    async with world.dispatcher(), world.dispatcher(), world.agent(services=services) as agent:
        starts = [world.start(service=name) for name in services for _ in range(8)]
        replies = await asyncio.gather(*starts)
        accepted = [reply for reply in replies if reply.accepted]
        assert len(accepted) == len(services)
        assert len({reply.session for reply in accepted}) == len(services)
        codes = {reply.error.code for reply in replies if reply.error}
        assert codes == {Refused.ALREADY_RUNNING}
        await until(lambda: agent.running == {reply.task_id for reply in accepted}, timeout=20)
        assert len(agent.ran) == len(services)


async def test_the_same_command_twice_is_one_task_and_two_equal_answers(world: Arena) -> None:
    async with world.dispatcher(), world.agent() as agent:
        task_id = uuid4()
        replies = await asyncio.gather(*(world.start(task_id=task_id) for _ in range(5)))
        assert len(set(map(repr, replies))) == 1
        assert replies[0].accepted
        await world.until_state(task_id, TaskState.RUNNING)
        assert await world.start(task_id=task_id) == replies[0]
        await world.stop(task_id=task_id)
        await world.until_state(task_id, TaskState.STOPPED)
        assert await world.start(task_id=task_id) == replies[0]
        assert agent.ran == [task_id]


async def test_a_message_id_serves_as_task_id(world: Arena) -> None:
    async with world.dispatcher(), world.agent():
        first, second = await world.start(message_id="job 7"), await world.start(message_id="job 7")
        assert first == second
        assert first.task_id == task_id_of("job 7")


async def test_a_task_id_with_another_body_is_refused(world: Arena) -> None:
    async with world.dispatcher(), world.agent() as agent:
        first = await world.start(task_id=uuid4())
        other = await world.start(task_id=first.task_id, limits=Limits(packets=7))
        assert other.error is not None
        assert other.error.code == Refused.TASK_ID_REUSED
        await until(lambda: agent.running == {first.task_id})
        await world.tasks.flushall() if world.settings.tasks_url == "memory://" else None
        other = await world.start(task_id=first.task_id, keep=True)
        assert other.error is not None
        assert other.error.code == Refused.TASK_ID_REUSED


async def test_a_refusal_is_remembered(world: Arena) -> None:
    async with world.dispatcher(), world.agent() as agent:
        winner = await world.running(agent)
        task_id = uuid4()
        refusal = await world.start(task_id=task_id)
        await world.stop(task_id=winner.task_id)
        await world.until_state(winner.task_id, TaskState.STOPPED)
        assert await world.start(task_id=task_id) == refusal
        assert await world.tasks.delete(refusal_key(task_id))
        assert (await world.start(task_id=task_id)).accepted


async def test_a_refused_start_leaves_no_task(world: Arena) -> None:
    async with world.dispatcher(), world.agent() as agent:
        await world.running(agent)
        task_id = uuid4()
        await world.start(task_id=task_id)
        assert not await world.hash(task_id)
        assert await world.records.session_of_task(task_id) is None


def _code(reply: CommandReply) -> str:
    assert not reply.accepted
    assert reply.error is not None
    return reply.error.code


async def test_what_cannot_be_is_refused_with_the_reason(world: Arena) -> None:
    async with world.dispatcher(), world.agent():
        assert _code(await world.start(resource="nobody")) == Refused.UNKNOWN_RESOURCE
        unknown = await world.start(service="eth7")
        assert _code(unknown) == Refused.UNKNOWN_SERVICE
        assert "eth0, lo" in unknown.error.detail  # type: ignore[union-attr]
        assert _code(await world.start(endpoint="attic")) == Refused.UNKNOWN_ENDPOINT
        invalid = await world.start(filter="tcp prt 80")
        assert _code(invalid) == Refused.INVALID_FILTER
        assert "syntax error" in invalid.error.detail  # type: ignore[union-attr]
        assert _code(await world.start(filter="a) or (b")) == Refused.INVALID_FILTER
        assert not await world.records.open_sessions()


async def test_a_valid_filter_is_ordered(world: Arena) -> None:
    async with world.dispatcher(), world.agent() as agent:
        await world.running(agent, filter="tcp port 80", snaplen=96)
        [order] = agent.wanted.orders
        assert (order.filter, order.snaplen) == ("tcp port 80", 96)


async def test_an_agent_not_heard_of_for_a_lease_is_offline(world: Arena) -> None:
    async with world.dispatcher():
        async with world.agent(interval=0.1):
            pass

        async def offline() -> bool:
            reply = await world.start()
            return not reply.accepted and _code(reply) == Refused.RESOURCE_OFFLINE

        await until(offline)


async def test_a_known_resource_whose_agent_was_not_heard_yet_is_not_ready(world: Arena) -> None:
    async with world.dispatcher():
        async with world.agent() as agent:
            reply = await world.running(agent)
            await world.stop(task_id=reply.task_id)
            await world.until_state(reply.task_id, TaskState.STOPPED)
        await world.tasks.flushdb()
        assert _code(await world.start()) == Refused.NOT_READY
        assert _code(await world.start(resource="new-1")) == Refused.UNKNOWN_RESOURCE

        async def offline() -> bool:
            return _code(await world.start()) == Refused.RESOURCE_OFFLINE

        await until(offline)


async def test_a_start_whose_stop_came_first_is_stopped(world: Arena) -> None:
    async with world.dispatcher(), world.agent() as agent:
        task_id = uuid4()
        assert (await world.stop(task_id=task_id)).accepted
        reply = await world.start(task_id=task_id)
        assert reply.accepted
        record = await world.record(task_id)
        assert (record.state, record.stop_reason) == (TaskState.STOPPED, StopReason.REQUESTED)
        assert record.session == reply.session
        await world.until_told(task_id, TaskState.STOPPED)
        assert (await world.start()).accepted  # the service is free
        assert task_id not in agent.ran


async def test_a_start_older_than_its_expiration_never_happens(world: Arena) -> None:
    command = StartCapture(resource="web-1", service="eth0", task_id=uuid4())
    message = encode(START_CAPTURE, command, expiration=0.2)
    await world.bus.publish(COMMANDS, start_key("web-1", "eth0"), message)
    await until(lambda: world.dead)
    async with world.dispatcher(), world.agent():
        assert (await world.start()).accepted
        assert command.task_id is not None
        assert await world.records.session_of_task(command.task_id) is None


async def test_an_abandoned_claim_runs_out(embedded: Arena) -> None:
    world = embedded
    async with world.dispatcher(), world.agent():
        await world.tasks.set("capflow:running:web-1.eth0", str(uuid4()), px=2_700)
        refusal = await world.start()  # after it has waited for the other to be decided
        assert _code(refusal) == Refused.NOT_READY

        async def free() -> bool:
            return (await world.start()).accepted

        await until(free)


async def test_a_capture_that_the_task_store_forgot_still_holds_its_service(world: Arena) -> None:
    async with world.dispatcher(), world.agent(obeys=True) as agent:
        running = await world.running(agent)
        await world.tasks.delete("capflow:running:web-1.eth0")
        refusal = await world.start()
        assert _code(refusal) == Refused.ALREADY_RUNNING
        assert refusal.task_id == running.task_id


@pytest.mark.parametrize(("header", "expected"), [("alice", "alice"), (None, "test")])
async def test_who_asked_is_what_the_gateway_says(
    servers: Arena, header: str | None, expected: str
) -> None:
    async with servers.dispatcher(), servers.agent():
        headers = {REQUESTED_BY_HEADER: header} if header else {}
        command = StartCapture(resource="web-1", service="eth0")
        message = encode(START_CAPTURE, command, headers=headers)
        key = start_key("web-1", "eth0")
        reply = _reply(await servers.requests.ask(COMMANDS, key, message, 10))
        shown = (await servers.record(reply.task_id)).requested_by
        assert shown in (expected, "guest")


async def test_an_answer_is_never_sent_to_a_queue_of_our_own(embedded: Arena) -> None:
    world = embedded
    async with world.dispatcher(), world.agent():
        command = StartCapture(resource="web-1", service="eth0", task_id=uuid4())
        message = encode(START_CAPTURE, command)
        incoming = Incoming(
            START_CAPTURE,
            message.body,
            message.message_id,
            start_key("web-1", "eth0"),
            reply_to="capflow.dispatcher.commands",
        )
        world.bus.send_from(COMMANDS, message, incoming)  # type: ignore[attr-defined]
        task_id: UUID | None = command.task_id
        assert task_id is not None
        await until(lambda: world.told(task_id))
        assert not world.dead
