"""Stops: once or often, by session or by task."""

from uuid import uuid4

from contracts.commands import Refused
from contracts.task import StopReason, TaskState
from tests.dispatcher.arena import Arena
from tests.support.wait import until


async def test_a_stop_by_task_and_by_session_is_one_stop(world: Arena) -> None:
    async with world.dispatcher(), world.agent() as agent:
        reply = await world.running(agent)
        for _ in range(2):
            assert (await world.stop(task_id=reply.task_id)).accepted
            assert (await world.stop(session=reply.session)).accepted
        ended = await world.until_state(reply.task_id, TaskState.STOPPED)
        assert ended.stop_reason is StopReason.REQUESTED
        after = await world.stop(session=reply.session)
        assert after.accepted
        assert (after.task_id, after.session) == (reply.task_id, reply.session)
        assert await world.record(reply.task_id) == ended


async def test_a_session_never_heard_of_cannot_be_stopped(world: Arena) -> None:
    async with world.dispatcher():
        reply = await world.stop(session="web-1.eth0.20200101000000")
        assert not reply.accepted
        assert reply.error is not None
        assert reply.error.code == Refused.UNKNOWN_CAPTURE


async def test_a_capture_that_its_agent_never_took_ends_with_the_stop(world: Arena) -> None:
    async with world.dispatcher(), world.agent(obeys=False) as agent:
        reply = await world.start()
        await until(lambda: agent.wanted_ids == {reply.task_id})
        await world.stop(task_id=reply.task_id)
        await until(lambda: not agent.wanted_ids)
        assert (await world.task(reply.task_id)).state is TaskState.STOPPING
        await agent.beat()  # it has not accepted that list yet
        agent.revision = agent.wanted.revision
        ended = await world.until_state(reply.task_id, TaskState.STOPPED)
        assert ended.stop_reason is StopReason.REQUESTED
        await world.until_told(
            reply.task_id, TaskState.REQUESTED, TaskState.STOPPING, TaskState.STOPPED
        )
        assert (await world.start()).accepted


async def test_a_stop_while_the_task_store_has_forgotten_the_task_is_kept(world: Arena) -> None:
    async with world.dispatcher(), world.agent() as agent:
        reply = await world.running(agent)
        agent.silent = True
        await world.tasks.flushdb()
        assert (await world.stop(task_id=reply.task_id)).accepted
        agent.silent = False
        ended = await world.until_state(reply.task_id, TaskState.STOPPED)
        assert ended.stop_reason is StopReason.REQUESTED
        assert agent.ran == [reply.task_id]


async def test_an_unknown_task_may_be_stopped_before_it_is_started(world: Arena) -> None:
    async with world.dispatcher():
        task_id = uuid4()
        reply = await world.stop(task_id=task_id)
        assert reply.accepted
        assert reply.task_id == task_id
        assert set(await world.hash(task_id)) == {b"state"}
