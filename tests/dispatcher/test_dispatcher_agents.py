"""Agents that go silent, come back, restart, or share a name."""

import asyncio
from typing import Any
from uuid import uuid4

from contracts.block import Block
from contracts.ledger import Ledger
from contracts.order import Caps
from contracts.task import CaptureStatus, StopReason, TaskState
from contracts.topology import CAPS_KEY, agent_key
from tests.dispatcher.arena import QUICK, Arena
from tests.dispatcher.fake_agent import FULL
from tests.support.wait import until


def a_block(session: str, first: int = 0, count: int = 4) -> Block:
    return Block(session, 0, first, count, 1, 2, 100, 0, b"x" * 32 * count)


async def test_a_silent_agents_capture_is_lost_and_then_runs_again(world: Arena) -> None:
    async with world.dispatcher(), world.agent() as agent:
        reply = await world.running(agent)
        agent.silent = True
        await world.until_state(reply.task_id, TaskState.LOST)
        agent.silent = False
        await world.until_state(reply.task_id, TaskState.RUNNING)
        await world.stop(task_id=reply.task_id)
        await world.until_state(reply.task_id, TaskState.STOPPED)
        assert agent.ran == [reply.task_id]


async def test_a_lost_capture_stopped_meanwhile_stops_when_its_agent_is_back(world: Arena) -> None:
    async with world.dispatcher(), world.agent() as agent:
        reply = await world.running(agent)
        agent.silent = True
        await world.until_state(reply.task_id, TaskState.LOST)
        assert (await world.stop(task_id=reply.task_id)).accepted
        assert (await world.record(reply.task_id)).state is TaskState.LOST
        agent.silent = False
        ended = await world.until_state(reply.task_id, TaskState.STOPPED)
        assert ended.stop_reason is StopReason.REQUESTED
        assert ended.ledger == FULL


async def test_a_lost_capture_ends_when_its_limit_and_a_grace_are_over(world: Arena) -> None:
    async with world.dispatcher(), world.agent() as agent:
        reply = await world.running(agent, limits={"seconds": 1})
        assert reply.task_id is not None
        assert reply.session is not None
        known = Ledger(seen=9, captured=6, dropped_kernel=3)
        await agent.report(agent.captures[reply.task_id].model_copy(update={"ledger": known}))
        await world.records.insert_blocks([a_block(reply.session)])
        agent.silent = True
        ended = await world.until_state(reply.task_id, TaskState.STOPPED)
        assert ended.stop_reason is StopReason.AGENT_LOST
        assert ended.ledger.closes()
        assert (ended.ledger.stored, ended.ledger.captured, ended.ledger.dropped_agent) == (4, 6, 2)
        assert ended.error is not None
        assert ended.error.code == "agent-lost"
        assert "after packet 5" in ended.error.detail
        assert (await world.start(resource="web-1")).error is not None  # offline, but not claimed
        assert not await world.tasks.exists("capflow:running:web-1.eth0")


async def test_a_late_report_amends_the_ledger_once(world: Arena) -> None:
    async with world.dispatcher(), world.agent() as agent:
        reply = await world.running(agent, limits={"seconds": 1})
        assert reply.task_id is not None
        agent.silent = True
        await world.until_state(reply.task_id, TaskState.STOPPED)
        update = {"state": TaskState.STOPPED, "stop_reason": StopReason.SECONDS, "ledger": FULL}
        status = agent.captures[reply.task_id].model_copy(update=update)
        agent.captures[reply.task_id] = status
        agent.silent = False

        async def amended() -> bool:
            return (await world.record(reply.task_id)).ledger == FULL

        await until(amended)
        record = await world.record(reply.task_id)
        assert record.stop_reason is StopReason.AGENT_LOST
        assert record.error is None
        other = Ledger(seen=99, captured=99, stored=99)
        await agent.report(status.model_copy(update={"ledger": other}))
        await until(lambda: not agent.captures)
        assert (await world.record(reply.task_id)).ledger == FULL


async def test_a_restarted_agent_ends_what_ran(world: Arena) -> None:
    async with world.dispatcher(), world.agent() as agent:
        reply = await world.running(agent)
        assert reply.session is not None
        await world.records.insert_blocks([a_block(reply.session)])
        await agent.restart()
        ended = await world.until_state(reply.task_id, TaskState.STOPPED)
        assert ended.stop_reason is StopReason.AGENT_RESTARTED
        assert ended.ledger.closes()
        assert ended.ledger.stored == 4
        assert ended.error is not None
        assert ended.error.code == "agent-restarted"
        again = await world.running(agent)
        assert agent.ran == [reply.task_id, again.task_id]


async def test_a_restarted_agent_that_has_forgotten_all_runs_nothing_twice(world: Arena) -> None:
    async with world.dispatcher(), world.agent() as agent:
        reply = await world.running(agent)
        agent.captures.clear()
        agent.boot, agent.seq = 2, 0
        ended = await world.until_state(reply.task_id, TaskState.STOPPED)
        assert ended.stop_reason is StopReason.AGENT_RESTARTED
        assert ended.ledger.closes()


async def test_an_agent_lost_and_then_restarted_ends_what_ran(world: Arena) -> None:
    async with world.dispatcher(), world.agent() as agent:
        reply = await world.running(agent)
        agent.silent = True
        await world.until_state(reply.task_id, TaskState.LOST)
        agent.silent = False
        await agent.restart()
        ended = await world.until_state(reply.task_id, TaskState.STOPPED)
        assert ended.stop_reason is StopReason.AGENT_RESTARTED
        assert (await world.running(agent)).accepted


async def test_a_second_agent_under_a_living_name_is_refused_and_shown(world: Arena) -> None:
    async with world.dispatcher(), world.agent() as agent:
        reply = await world.running(agent)
        async with world.agent() as second:
            assert second.wanted.refused is not None
            assert "CAPFLOW_RESOURCE" in second.wanted.refused
            assert not second.wanted.orders
            shown = await world.all_of(agent_key("web-1"))
            assert shown[b"conflict_id"].decode() == str(second.agent_id)
            assert shown[b"agent_id"].decode() == str(agent.agent_id)
            assert int(shown[b"conflict_ms"]) > 0
        assert (await world.task(reply.task_id)).state is TaskState.RUNNING


async def test_a_resource_is_online_since_it_was_last_silent(world: Arena) -> None:
    async def since() -> int:
        return int((await world.all_of(agent_key("web-1")))[b"since_ms"])

    async with world.dispatcher(), world.agent() as agent:
        first = await since()
        heard = len(agent.answers)
        await until(lambda: len(agent.answers) >= heard + 2)
        assert await since() == first
        reply = await world.running(agent)
        agent.silent = True
        await world.until_state(reply.task_id, TaskState.LOST)
        agent.silent = False
        await world.until_state(reply.task_id, TaskState.RUNNING)
        assert await since() > first


async def test_the_operators_caps_are_told(world: Arena) -> None:
    async def told() -> Any:
        return await world.tasks.get(CAPS_KEY)

    async with world.dispatcher(limits=Caps(seconds=60)):
        assert Caps.model_validate_json(await until(told)) == Caps(seconds=60)


async def test_another_agent_takes_the_name_once_the_first_has_gone(world: Arena) -> None:
    async with world.dispatcher():
        async with world.agent() as agent:
            reply = await world.running(agent)
        async with world.agent() as second:
            await until(lambda: second.wanted.refused is None)
            ended = await world.until_state(reply.task_id, TaskState.STOPPED)
            assert ended.stop_reason is StopReason.AGENT_LOST
            assert (await world.running(second)).accepted
            assert reply.task_id not in second.ran


async def test_nothing_is_concluded_from_an_older_keepalive(world: Arena) -> None:
    async with world.dispatcher(), world.agent(obeys=True) as agent:
        await agent.beat()
        reply = await world.running(agent)
        await until(lambda: agent.wanted.revision == agent.revision)
        answered = len(agent.answers)
        sent = agent.seq
        await agent.beat(seq=1, captures=[], revision=99)  # as if it had waited somewhere
        await agent.beat(seq=sent + 2, boot=0, captures=[], revision=99)
        agent.seq = sent + 3
        await agent.beat()
        await until(lambda: agent.wanted.seq == agent.seq)
        assert all(answer.revision < 99 for answer in agent.answers[answered:])
        assert (await world.task(reply.task_id)).state is TaskState.RUNNING
        assert int((await world.all_of(agent_key("web-1")))[b"seq"]) >= sent


async def test_an_older_report_changes_nothing(world: Arena) -> None:
    async with world.dispatcher(), world.agent() as agent:
        reply = await world.running(agent)
        assert reply.task_id is not None
        await agent.beat()
        await until(lambda: agent.wanted.seq == agent.seq)
        running = agent.captures[reply.task_id]
        failed = running.model_copy(update={"state": TaskState.FAILED})
        now = agent.seq
        await agent.report(failed, seq=1)
        await agent.report(failed, seq=now, boot=0)
        await agent.report(failed, seq=now + 5, agent_id=uuid4())
        agent.seq = now + 6
        await agent.report(running.model_copy(update={"ledger": FULL}))

        async def kept() -> bool:
            return (await world.task(reply.task_id)).ledger == FULL

        await until(kept)
        assert (await world.task(reply.task_id)).state is TaskState.RUNNING


async def test_a_capture_that_runs_though_it_ended_is_told_to_stop(world: Arena) -> None:
    async with world.dispatcher(), world.agent(obeys=False) as agent:
        reply = await world.start()
        await until(lambda: agent.wanted.orders)
        [order] = agent.wanted.orders
        await agent.report(CaptureStatus(order=order, state=TaskState.RUNNING))
        await world.until_state(reply.task_id, TaskState.RUNNING)
        await agent.end(order.task_id)
        await world.until_state(reply.task_id, TaskState.STOPPED)
        await agent.report(CaptureStatus(order=order, state=TaskState.RUNNING))
        await until(lambda: agent.wanted.seq == agent.seq)
        assert not agent.wanted.orders
        assert (await world.record(reply.task_id)).state is TaskState.STOPPED


async def test_an_order_that_no_agent_takes_fails(world: Arena) -> None:
    timing = QUICK.__class__(answer=1.0, grace=0.5, reap=0.05, sweep=0.3)
    async with world.dispatcher(timing), world.agent(obeys=False) as agent:
        reply = await world.start()
        failed = await world.until_state(reply.task_id, TaskState.FAILED)
        assert failed.stop_reason is StopReason.ERROR
        assert failed.error is not None
        assert failed.error.code == "no-answer"
        await until(lambda: not agent.wanted.orders)
        await world.until_told(reply.task_id, TaskState.REQUESTED, TaskState.FAILED)


async def test_a_capture_past_its_limit_and_a_grace_is_told_to_stop(world: Arena) -> None:
    async with world.dispatcher(), world.agent() as agent:
        reply = await world.running(agent, limits={"seconds": 1})
        ended = await world.until_state(reply.task_id, TaskState.STOPPED)
        assert ended.stop_reason is StopReason.SECONDS
        assert agent.ran == [reply.task_id]


async def test_a_capture_that_nobody_watches_ends(world: Arena) -> None:
    async with world.dispatcher(), world.agent() as agent:
        kept = await world.running(agent, service="lo", keep=True)
        watched = await world.running(agent, idle_seconds=1)
        key = f"capflow:viewers:{watched.session}"
        for _ in range(8):
            await world.tasks.set(key, "1", px=1000)  # as a streamer with a reader does
            await asyncio.sleep(0.2)
        assert (await world.task(watched.task_id)).state is TaskState.RUNNING
        ended = await world.until_state(watched.task_id, TaskState.STOPPED)
        assert ended.stop_reason is StopReason.NO_VIEWER
        assert (await world.task(kept.task_id)).state is TaskState.RUNNING


async def test_nothing_is_reaped_before_a_lease_has_passed(world: Arena) -> None:
    async with world.agent(heard=False, interval=2) as agent:
        async with world.dispatcher(keepalive=2.0):
            await until(lambda: agent.answers)
            reply = await world.running(agent, idle_seconds=1)
        gone = asyncio.get_running_loop().time()
        async with world.dispatcher(keepalive=2.0):
            ended = await world.until_state(reply.task_id, TaskState.STOPPED, TaskState.STOPPING)
            assert asyncio.get_running_loop().time() - gone > 5.9
            assert ended.stop_reason is StopReason.NO_VIEWER
            assert TaskState.LOST not in world.told(reply.task_id)
