"""While something is away: agents are answered, commands wait, nothing is lost."""

import asyncio
from uuid import uuid4

from contracts.commands import StartCapture
from contracts.task import StopReason, TaskState
from contracts.topology import COMMANDS, START_CAPTURE, start_key
from services.dispatcher.timing import Timing
from services.runtime.bus.codec import encode
from tests.dispatcher.arena import QUICK, Arena
from tests.dispatcher.fake_agent import FULL
from tests.dispatcher.faults import faulty
from tests.support.wait import until


async def test_keepalives_are_answered_while_the_records_are_away(embedded: Arena) -> None:
    world = embedded
    world.endpoints, store = faulty(world.endpoints)
    async with world.dispatcher(), world.agent() as agent:
        reply = await world.running(agent)
        store.away = True
        for _ in range(3):
            seq = agent.seq
            await until(lambda seq=seq: (agent.wanted.seq or 0) > seq)  # type: ignore[misc]
        assert agent.wanted_ids == {reply.task_id}


async def test_an_end_is_not_acknowledged_before_it_is_recorded(embedded: Arena) -> None:
    world = embedded
    world.endpoints, store = faulty(world.endpoints)
    async with world.dispatcher(), world.agent() as agent:
        reply = await world.running(agent)
        assert reply.task_id is not None
        store.away = True
        update = {"state": TaskState.STOPPED, "stop_reason": StopReason.BYTES, "ledger": FULL}
        agent.captures[reply.task_id] = agent.captures[reply.task_id].model_copy(update=update)
        seq = await agent.beat()
        answered = len(agent.answers)
        await until(lambda: len(agent.answers) > answered + 3)
        assert all((answer.seq or 0) < seq for answer in agent.answers)
        assert reply.task_id in agent.captures
        store.away = False
        await until(lambda: not agent.captures)
        ended = await world.until_state(reply.task_id, TaskState.STOPPED)
        assert (ended.stop_reason, ended.ledger) == (StopReason.BYTES, FULL)


async def test_a_start_waits_for_the_records_and_then_happens_once(embedded: Arena) -> None:
    world = embedded
    world.endpoints, store = faulty(world.endpoints)
    async with world.dispatcher(), world.agent() as agent:
        store.away = True
        task_id = uuid4()
        asking = [asyncio.create_task(world.start(task_id=task_id)) for _ in range(3)]
        await asyncio.sleep(0.3)
        assert not any(task.done() for task in asking)
        store.away = False
        replies = await asyncio.gather(*asking)
        assert len(set(map(repr, replies))) == 1
        assert replies[0].accepted
        await until(lambda: agent.running == {task_id})


async def test_a_start_that_waited_too_long_never_happens(embedded: Arena) -> None:
    world = embedded
    world.endpoints, store = faulty(world.endpoints)
    timing = Timing(command=0.5, grace=0.5, reap=0.05, sweep=0.3)
    async with world.dispatcher(timing), world.agent() as agent:
        store.away = True
        command = StartCapture(resource="web-1", service="eth0", task_id=uuid4())
        await world.bus.publish(
            COMMANDS, start_key("web-1", "eth0"), encode(START_CAPTURE, command)
        )
        await until(lambda: world.dead)
        assert "must not happen any more" in world.dead[0][1]
        store.away = False
        assert (await world.start()).accepted  # its claim is free
        assert command.task_id not in agent.ran


async def test_a_stop_reaches_the_agent_while_the_records_are_away(embedded: Arena) -> None:
    world = embedded
    world.endpoints, store = faulty(world.endpoints)
    async with world.dispatcher(), world.agent() as agent:
        reply = await world.running(agent)
        store.away = True
        stopping = asyncio.create_task(world.stop(session=reply.session))
        await until(lambda: not agent.running)
        store.away = False
        assert (await stopping).accepted
        ended = await world.until_state(reply.task_id, TaskState.STOPPED)
        assert ended.stop_reason is StopReason.REQUESTED


async def test_a_dispatcher_that_starts_while_the_records_are_away_answers_agents(
    embedded: Arena,
) -> None:
    world = embedded
    world.endpoints, store = faulty(world.endpoints)
    store.away = True
    timing = QUICK
    dispatcher = world.dispatcher(timing)
    entering = asyncio.create_task(dispatcher.__aenter__())
    async with world.agent() as agent:  # answered
        assert not entering.done()
        store.away = False
        await entering
        assert (await world.running(agent)).accepted
    await dispatcher.__aexit__(None, None, None)
