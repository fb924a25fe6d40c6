"""The endpoint is away, or refuses."""

import asyncio
from itertools import pairwise

import pytest

from contracts.ledger import Ledger
from contracts.order import Order
from contracts.task import StopReason, TaskState
from services.agent import agent
from services.agent.backlog import OVERHEAD, Backlog
from services.agent.blocks import Draft
from tests.agent.rig import Rig, order
from tests.agent.wire import Wire
from tests.support.traffic import Traffic
from tests.support.wait import until


async def test_blocks_wait_while_the_endpoint_is_away_and_nothing_is_lost(rig: Rig) -> None:
    async with Traffic() as traffic:
        wanted = order("lo", filter=traffic.filter)
        await rig.desk.run(wanted)
        rig.store.away = True
        traffic.send(200)
        await until(lambda: rig.store.inserts > 2)
        seq = rig.desk.keepalives[-1].seq
        await rig.desk.keepalive_after(seq + 2)
        rig.store.away = False
        ended = await rig.desk.stop(wanted)
        numbers = traffic.numbers(packet.data for packet in await rig.packets(wanted))
    assert numbers == list(range(200))
    assert ended.ledger.dropped_agent == 0
    assert ended.ledger.closes()


async def test_a_capture_that_ended_is_stopped_only_once_its_last_block_is_stored(
    rig: Rig,
) -> None:
    async with Traffic() as traffic:
        wanted = order("lo", filter=traffic.filter)
        await rig.desk.run(wanted)
        rig.store.away = True
        traffic.send(10)
        await until(lambda: rig.store.inserts)
        await rig.desk.unwant(wanted)
        await rig.desk.accepted()
        await until(lambda: TaskState.STOPPING in rig.desk.states(wanted))
        assert TaskState.STOPPED not in rig.desk.states(wanted)
        rig.store.away = False
        ended = await rig.desk.ended(wanted)
    assert (ended.ledger.stored, ended.stop_reason) == (10, StopReason.REQUESTED)


async def test_what_does_not_fit_into_memory_is_counted_and_leaves_no_hole_among_blocks(
    idle_rig: Rig, wire: Wire
) -> None:
    await idle_rig.start(backlog=1 << 20, spool=0)
    wanted = order(wire.near)
    await idle_rig.desk.run(wanted)
    idle_rig.store.away = True
    await asyncio.to_thread(wire.send, 20_000)
    await until(lambda: _report(idle_rig, wanted).dropped_agent > 0)
    idle_rig.store.away = False
    await until(lambda: _report(idle_rig, wanted).stored > 0)
    await asyncio.to_thread(wire.send, 10)
    ended = await idle_rig.desk.stop(wanted)
    blocks = await idle_rig.blocks(wanted)
    assert [block.block for block in blocks] == list(range(len(blocks)))
    lost = sum(after.first - before.next for before, after in pairwise(blocks))
    assert lost == ended.ledger.dropped_agent
    assert blocks[-1].next == ended.ledger.captured == 20_010
    assert ended.ledger.closes()


async def test_an_endpoint_that_refuses_a_block_fails_the_capture(rig: Rig) -> None:
    async with Traffic() as traffic:
        wanted = order("lo", filter=traffic.filter)
        await rig.desk.run(wanted)
        rig.store.refuses = True
        traffic.send(10)
        ended = await rig.desk.ended(wanted)
    assert (ended.state, ended.stop_reason) == (TaskState.FAILED, StopReason.ERROR)
    assert ended.error is not None
    assert ended.error.code == "store-refused"
    assert "too large" in ended.error.detail
    assert ended.ledger.closes()


async def test_another_endpoint_than_the_agents_is_refused(rig: Rig) -> None:
    for endpoint in ({"name": "other", "type": "sqlite"}, {"name": "main", "type": "mongodb"}):
        ended = await rig.desk.run(order("lo", endpoint=endpoint))
        assert ended.state is TaskState.FAILED
        assert ended.error is not None
        assert ended.error.code == "unknown-endpoint"


async def test_a_stop_of_the_agent_ends_captures_stores_and_reports_them(rig: Rig) -> None:
    async with Traffic() as traffic:
        wanted = order("lo", filter=traffic.filter)
        await rig.desk.run(wanted)
        traffic.send(25)
        await rig.stop()
        ended = await rig.desk.ended(wanted)
    assert (ended.state, ended.stop_reason) == (TaskState.STOPPED, StopReason.AGENT_SHUTDOWN)
    assert len(await rig.packets(wanted)) == ended.ledger.stored == 25
    assert ended.ledger.closes()
    last = rig.desk.listed(wanted)
    assert last is not None
    assert last.state is TaskState.STOPPED


async def test_a_stop_while_the_endpoint_is_away_leaves_the_rest_for_the_next_start(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent, "STORING_SECONDS", 0.5)
    async with Traffic() as traffic:
        wanted = order("lo", filter=traffic.filter)
        await rig.desk.run(wanted)
        rig.store.away = True
        traffic.send(25)
        await until(lambda: rig.store.inserts)
        stopping = asyncio.create_task(rig.stop())
        seq = rig.desk.keepalives[-1].seq
        await rig.desk.keepalive_after(seq + 2)
        assert not stopping.done(), "KeepAlives go on while draining"
        await stopping
    left = rig.desk.listed(wanted)
    assert left is not None
    assert (left.state, left.stop_reason) == (TaskState.STOPPING, StopReason.AGENT_SHUTDOWN)
    assert left.spool is not None
    assert left.spool.packets == 25
    await rig.start()
    rig.store.away = False
    ended = await rig.desk.ended(wanted)
    assert (ended.state, ended.stop_reason) == (TaskState.STOPPED, StopReason.AGENT_SHUTDOWN)
    assert ended.error is None
    assert (ended.ledger.stored, ended.ledger.dropped_agent) == (25, 0)
    assert ended.ledger.closes()
    assert traffic.numbers(packet.data for packet in await rig.packets(wanted)) == list(range(25))


async def test_without_a_spool_a_stop_gives_up_in_time_and_counts_the_loss(
    idle_rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent, "STORING_SECONDS", 0.5)
    await idle_rig.start(spool=0)
    async with Traffic() as traffic:
        wanted = order("lo", filter=traffic.filter)
        await idle_rig.desk.run(wanted)
        idle_rig.store.away = True
        traffic.send(25)
        await until(lambda: idle_rig.store.inserts)
        await idle_rig.stop()
        ended = await idle_rig.desk.ended(wanted)
    assert ended.stop_reason is StopReason.AGENT_SHUTDOWN
    assert ended.error is not None
    assert ended.error.code == "endpoint-away"
    assert (ended.ledger.stored, ended.ledger.dropped_agent) == (0, 25)
    assert ended.ledger.closes()


def _draft(size: int) -> Draft:
    return Draft(0, 5, 0, 0, size, 0, bytes(size))


def test_a_full_backlog_keeps_what_it_has_and_refuses_what_comes() -> None:
    woken: list[int] = []
    backlog = Backlog("s", 2 * (100 + OVERHEAD), lambda: woken.append(1))
    assert [backlog.offer(_draft(100)) for _ in range(3)] == [True, True, False]
    assert [block.block for block in backlog.oldest(8)] == [0, 1]
    backlog.done(backlog.oldest(1), 1)
    assert backlog.offer(_draft(100))
    assert [block.block for block in backlog.oldest(8)] == [1, 2]
    assert len(woken) == 3


def test_a_closed_backlog_takes_nothing_and_is_drained_once_it_is_empty() -> None:
    backlog = Backlog("s", 10_000, lambda: None)
    backlog.offer(_draft(1))
    backlog.close()
    assert not backlog.offer(_draft(1))
    assert not backlog.drained
    backlog.done(backlog.oldest(1), 1)
    assert backlog.drained
    assert backlog.bytes == 0


def test_what_is_abandoned_is_counted() -> None:
    backlog = Backlog("s", 10_000, lambda: None)
    backlog.offer(_draft(1))
    backlog.offer(_draft(1))
    assert backlog.abandon() == 10
    assert backlog.drained
    assert backlog.abandon() == 0


def _report(rig: Rig, wanted: Order) -> Ledger:
    report = rig.desk.report(wanted)
    assert report is not None
    return report.ledger
