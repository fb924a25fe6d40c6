"""The task store is wiped, or comes back old, while captures run."""

import asyncio
from datetime import timedelta

from contracts.record import instant
from contracts.task import StopReason, TaskState
from contracts.topology import RESOURCES_KEY, wanted_key
from services.dispatcher.timing import Timing
from tests.dispatcher.arena import Arena
from tests.dispatcher.fake_agent import FakeAgent
from tests.support.wait import until

NAMES = ("a", "b", "c")


async def revision(world: Arena) -> int:
    return int(await world.tasks.hget(wanted_key("web-1"), "revision") or 0)


async def three(world: Arena, agent: FakeAgent) -> list[object]:
    return [(await world.running(agent, service=name)).task_id for name in NAMES]


async def snapshot(world: Arena) -> dict[bytes, tuple[int, bytes]]:
    """All keys of ours, as a dump would hold them; those that end meanwhile are left out."""
    keys = [key async for key in world.tasks.scan_iter("capflow:*")]
    kept = {key: (await world.tasks.pttl(key), await world.tasks.dump(key)) for key in keys}
    return {key: (ttl, value) for key, (ttl, value) in kept.items() if value is not None}


async def restore(world: Arena, kept: dict[bytes, tuple[int, bytes]]) -> None:
    """At once, as a Redis that was started anew shows it."""
    async with world.tasks.pipeline(transaction=True) as pipe:
        pipe.flushdb()
        for key, (ttl, value) in kept.items():
            pipe.restore(key, max(ttl, 1), value, replace=True)
        await pipe.execute()


async def test_after_a_wipe_all_captures_go_on_and_none_is_restarted(world: Arena) -> None:
    async with world.dispatcher(), world.agent(services=NAMES) as agent:
        ids = await three(world, agent)
        before = await revision(world)
        await world.tasks.flushdb()
        await until(lambda: agent.wanted.revision > before)

        async def rebuilt() -> bool:
            return await revision(world) > before and bool(await world.hash(ids[0]))  # type: ignore[arg-type]

        await until(rebuilt)
        await until(lambda: agent.wanted.revision > before)
        assert agent.running == agent.wanted_ids == set(ids)
        assert agent.ran == ids
        for task_id, name in zip(ids, NAMES, strict=True):
            assert (await world.task(task_id)).state is TaskState.RUNNING  # type: ignore[arg-type]
            refused = await world.start(service=name)
            assert refused.error is not None
            assert refused.task_id == task_id
        await world.stop(task_id=ids[0])
        await world.until_state(ids[0], TaskState.STOPPED)  # type: ignore[arg-type]
        assert await world.tasks.zscore(RESOURCES_KEY, "web-1")


async def test_after_an_old_snapshot_all_captures_go_on(world: Arena) -> None:
    async with world.dispatcher(), world.agent(services=(*NAMES, "d")) as agent:
        ids = await three(world, agent)
        await until(lambda: agent.revision == agent.wanted.revision)
        kept = await snapshot(world)
        # What the snapshot does not know: one has ended, another was begun.
        await world.stop(task_id=ids[0])
        await world.until_state(ids[0], TaskState.STOPPED)  # type: ignore[arg-type]
        newer = await world.running(agent, service="d")
        await until(lambda: agent.revision == agent.wanted.revision)
        accepted = agent.revision
        await restore(world, kept)
        await until(lambda: agent.wanted.revision > accepted)
        going = {ids[1], ids[2], newer.task_id}
        await until(lambda: agent.wanted_ids == going)
        assert agent.running == going
        assert agent.ran == [*ids, newer.task_id]
        assert not await world.tasks.exists("capflow:running:web-1.a")
        assert (await world.start(service="a")).accepted
        refused = await world.start(service="d")
        assert refused.task_id == newer.task_id


async def test_nothing_is_reaped_by_what_an_old_snapshot_says(world: Arena) -> None:
    timing = Timing(answer=1.5, grace=0.5, reap=0.05, sweep=60)
    async with world.dispatcher(timing), world.dispatcher(timing), world.agent() as agent:
        agent.silent = True
        reply = await world.start(idle_seconds=2)
        kept = await snapshot(world)  # it knows of a request, and of a viewer's lease of 2 s
        agent.silent = False
        await world.until_state(reply.task_id, TaskState.RUNNING)
        for _ in range(30):
            await world.tasks.set(f"capflow:viewers:{reply.session}", "1", px=2000)
            await asyncio.sleep(0.1)
        agent.silent = True
        await restore(world, kept)
        await asyncio.sleep(0.6)
        assert (await world.record(reply.task_id)).state is TaskState.RUNNING
        await world.tasks.set(f"capflow:viewers:{reply.session}", "1", px=60_000)
        agent.silent = False

        async def runs() -> bool:
            return (await world.task(reply.task_id)).state is TaskState.RUNNING

        await until(runs)
        assert agent.running == {reply.task_id}
        assert agent.ran == [reply.task_id]


async def test_two_dispatchers_adopt_once(world: Arena) -> None:
    async with world.dispatcher(), world.dispatcher(), world.agent(services=NAMES) as agent:
        ids = await three(world, agent)
        before = agent.revision
        await world.tasks.flushdb()
        for _ in range(20):
            await agent.beat()
        await until(lambda: agent.wanted.revision > before)
        await until(lambda: agent.wanted.seq == agent.seq)
        assert agent.wanted_ids == set(ids) == agent.running
        assert await revision(world) == before + 1


async def test_what_ended_during_the_wipe_has_ended(world: Arena) -> None:
    async with world.dispatcher(), world.agent(services=NAMES) as agent:
        ids = await three(world, agent)
        agent.silent = True
        await world.tasks.flushdb()
        await agent.end(ids[0], StopReason.SECONDS)  # type: ignore[arg-type]
        agent.silent = False
        ended = await world.until_state(ids[0], TaskState.STOPPED)  # type: ignore[arg-type]
        assert ended.stop_reason is StopReason.SECONDS
        await until(lambda: agent.wanted_ids == {ids[1], ids[2]})


async def test_captures_of_agents_that_never_come_back_end_after_a_wipe(world: Arena) -> None:
    async with world.dispatcher():
        async with world.agent() as agent:
            reply = await world.running(agent, limits={"seconds": 1})
        await world.tasks.flushdb()
        ended = await world.until_state(reply.task_id, TaskState.STOPPED)
        assert ended.stop_reason is StopReason.AGENT_LOST
        assert ended.ledger.closes()


async def test_a_start_recorded_and_then_left_fails_without_happening(world: Arena) -> None:
    async with world.dispatcher(), world.agent(services=NAMES) as agent:
        reply = await world.running(agent, service="a")
        record = await world.record(reply.task_id)
        old = instant(int(record.requested_at.timestamp() * 1000)) - timedelta(seconds=60)
        left = record.model_copy(
            update={
                "task_id": agent.agent_id,
                "service": "b",
                "session": "web-1.b.20200101000000",
                "state": TaskState.REQUESTED,
                "requested_at": old,
            }
        )
        await world.records.insert_session(left, "digest")
        failed = await world.until_state(left.task_id, TaskState.FAILED)
        assert failed.error is not None
        assert failed.error.code == "no-answer"
        assert left.task_id not in agent.ran
        assert (await world.start(service="b")).accepted
