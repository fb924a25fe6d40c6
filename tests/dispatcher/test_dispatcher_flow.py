"""A capture from start to end, as its client and its agent see it."""

from datetime import UTC, datetime
from uuid import uuid4

from contracts.names import session_name
from contracts.order import Limits
from contracts.task import CaptureStatus, Failure, StopReason, TaskState
from tests.dispatcher.arena import Arena
from tests.dispatcher.fake_agent import FULL
from tests.support.wait import until


async def test_a_capture_runs_and_ends_with_reason_and_ledger(world: Arena) -> None:
    async with world.dispatcher(), world.agent() as agent:
        reply = await world.start()
        assert reply.accepted
        assert reply.session is not None
        assert reply.session.startswith("web-1.eth0.20")
        running = await world.until_state(reply.task_id, TaskState.RUNNING)
        assert running.started_at is not None
        assert agent.running == {reply.task_id}

        stop = await world.stop(session=reply.session)
        assert stop.accepted
        assert stop.task_id == reply.task_id
        ended = await world.until_state(reply.task_id, TaskState.STOPPED)
        assert ended.stop_reason is StopReason.REQUESTED
        assert ended.ledger == FULL
        assert ended.stopped_at is not None
        states = TaskState.REQUESTED, TaskState.RUNNING, TaskState.STOPPING, TaskState.STOPPED
        await world.until_told(reply.task_id, *states)
        await until(lambda: not agent.captures)  # acknowledged, so it may forget
        assert (await world.start()).accepted  # and the service is free


async def test_a_start_is_pushed_long_before_the_next_keepalive(world: Arena) -> None:
    async with world.dispatcher(), world.agent(interval=60) as agent:
        reply = await world.start()
        await until(lambda: reply.task_id in agent.running)


async def test_limits_are_capped_and_the_answer_says_so(world: Arena) -> None:
    async with world.dispatcher(), world.agent() as agent:
        reply = await world.running(agent, limits=Limits(seconds=10**6, packets=5))
        assert reply.limits == Limits(seconds=86_400, packets=5)
        assert agent.wanted.orders[0].limits == reply.limits


async def test_the_agents_own_reason_is_kept(world: Arena) -> None:
    async with world.dispatcher(), world.agent() as agent:
        reply = await world.running(agent)
        assert reply.task_id is not None
        await agent.end(reply.task_id, StopReason.BYTES)
        ended = await world.until_state(reply.task_id, TaskState.STOPPED)
        assert ended.stop_reason is StopReason.BYTES
        await until(lambda: not agent.wanted.orders)


async def test_an_agents_failure_is_the_captures(world: Arena) -> None:
    async with world.dispatcher(), world.agent(obeys=False) as agent:
        reply = await world.start()
        await until(lambda: agent.wanted.orders)
        order = agent.wanted.orders[0]
        error = Failure(code="no-interface", detail="there is no interface eth0")
        await agent.report(CaptureStatus(order=order, state=TaskState.FAILED, error=error))
        failed = await world.until_state(reply.task_id, TaskState.FAILED)
        assert failed.error == error
        assert failed.stop_reason is StopReason.ERROR


async def test_a_name_that_is_taken_moves_to_the_next_second(world: Arena) -> None:
    async with world.dispatcher(), world.agent() as agent:
        sessions = []
        for _ in range(3):
            reply = await world.running(agent)
            sessions.append(reply.session)
            await world.stop(task_id=reply.task_id)
            await world.until_state(reply.task_id, TaskState.STOPPED)
        assert len(set(sessions)) == 3
        assert sessions == sorted(sessions)  # type: ignore[type-var]


async def test_a_ledger_between_changes_is_kept_with_the_task(world: Arena) -> None:
    async with world.dispatcher(), world.agent() as agent:
        reply = await world.running(agent)
        assert reply.task_id is not None
        status = agent.captures[reply.task_id]
        await agent.report(status.model_copy(update={"ledger": FULL}))

        async def kept() -> bool:
            return (await world.task(reply.task_id)).ledger == FULL

        await until(kept)


async def test_sessions_are_named_by_the_utc_second(world: Arena) -> None:
    async with world.dispatcher(), world.agent() as agent:
        before = session_name("web-1", "eth0", datetime.now(UTC))
        reply = await world.running(agent, task_id=uuid4())
        assert before <= str(reply.session) <= session_name("web-1", "eth0", datetime.now(UTC))
