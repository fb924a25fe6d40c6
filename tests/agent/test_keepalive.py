"""KeepAlives: ordered, unblocked, and followed."""

import asyncio
import threading
import time
from typing import Any

import pytest

from contracts.keepalive import Wanted
from contracts.task import StopReason, TaskState
from contracts.topology import EVENTS, KEEPALIVE
from services.agent.inbox import newer
from services.agent.preparing import Preparer
from services.runtime.bus.memory import MemoryBus
from services.runtime.bus.port import Outgoing
from services.runtime.errors import BusUnavailable
from tests.agent.rig import Rig, order
from tests.support.wait import until


async def test_a_start_does_not_wait_for_the_interval(idle_rig: Rig) -> None:
    await idle_rig.start(keepalive=30)
    began = time.monotonic()
    await idle_rig.desk.run(order("lo", filter="udp port 9"))
    assert time.monotonic() - began < 15


async def test_an_accepted_list_is_told_at_once_and_lists_what_it_began(idle_rig: Rig) -> None:
    await idle_rig.start(keepalive=30)
    wanted = order("lo", filter="udp port 9")
    await idle_rig.desk.want(wanted)
    await idle_rig.desk.accepted(timeout=15)
    entry = idle_rig.desk.listed(wanted)
    assert entry is not None
    assert entry.state is TaskState.RUNNING
    assert entry.order == wanted


async def test_numbers_grow_over_keepalives_and_reports(rig: Rig) -> None:
    await rig.desk.run(order("lo", filter="udp port 9"))
    await until(lambda: len(rig.desk.reports) > 1 and len(rig.desk.keepalives) > 3)
    alive, told = ([one.seq for one in some] for some in (rig.desk.keepalives, rig.desk.reports))
    assert alive == sorted(set(alive))
    assert told == sorted(set(told))
    assert not set(alive) & set(told)


async def test_a_report_with_the_ledger_comes_once_a_second(rig: Rig) -> None:
    wanted = order("lo", filter="udp port 9")
    await rig.desk.run(wanted)
    began, count = time.monotonic(), len(rig.desk.reports)
    await until(lambda: len(rig.desk.reports) >= count + 2)
    assert 0.9 < time.monotonic() - began < 20


async def test_a_start_that_takes_long_holds_up_no_keepalive(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = asyncio.Event()
    prepare = Preparer.prepare

    async def slowly(self: Preparer, wanted: Any) -> Any:
        await go_on.wait()
        return await prepare(self, wanted)

    monkeypatch.setattr(Preparer, "prepare", slowly)
    wanted = order("lo", filter="udp port 9")
    await rig.desk.want(wanted)
    seq = rig.desk.keepalives[-1].seq
    later = await rig.desk.keepalive_after(seq + 3)
    assert later.revision < rig.desk.revision, "what has not begun is not accepted"
    await rig.desk.unwant(wanted)
    go_on.set()
    ended = await rig.desk.ended(wanted)
    assert (ended.state, ended.stop_reason) == (TaskState.STOPPED, StopReason.REQUESTED)
    await rig.desk.accepted()


async def test_a_refused_agent_stops_its_captures_and_is_not_ready(rig: Rig) -> None:
    wanted = order("lo", filter="udp port 9")
    await rig.desk.run(wanted)
    rig.desk.refused = "another agent lives under the name here"
    ended = await rig.desk.ended(wanted)
    assert (ended.state, ended.stop_reason) == (TaskState.FAILED, StopReason.ERROR)
    assert ended.error is not None
    assert ended.error.code == "agent-refused"


class FailingBus(MemoryBus):
    """A bus that can be away."""

    away = False

    async def publish(
        self, exchange: str, routing_key: str, message: Outgoing, *, mandatory: bool = True
    ) -> None:
        if self.away and exchange in (EVENTS, KEEPALIVE):
            raise BusUnavailable("the broker is away")
        await super().publish(exchange, routing_key, message, mandatory=mandatory)


async def test_while_the_bus_is_away_the_newest_state_waits_and_then_goes_out(
    idle_rig: Rig,
) -> None:
    bus = FailingBus()
    reports = await bus.consume(_reports_queue(), idle_rig.desk.hear_report)
    idle_rig.bus = _Split(idle_rig.bus, bus)
    idle_rig.desk.acknowledges = False
    await idle_rig.start()
    wanted = order("lo", filter="udp port 9")
    await idle_rig.desk.run(wanted)
    bus.away = True
    count = len(idle_rig.desk.reports)
    await idle_rig.desk.unwant(wanted)
    await idle_rig.desk.accepted()
    await until(lambda: (entry := idle_rig.desk.listed(wanted)) and entry.state.ended)
    assert len(idle_rig.desk.reports) == count
    bus.away = False
    assert (await idle_rig.desk.ended(wanted)).state is TaskState.STOPPED
    await idle_rig.stop()
    await reports.cancel()
    await bus.close()


def test_of_two_lists_the_newer_counts() -> None:
    def wanted(revision: int, seq: int | None) -> Wanted:
        return Wanted(resource="here", revision=revision, seq=seq, orders=[])

    assert newer(None, wanted(1, 1)) == wanted(1, 1)
    assert newer(wanted(2, None), wanted(1, 9)) == wanted(2, None)
    assert newer(wanted(2, 3), wanted(2, None)) == wanted(2, 3)
    assert newer(wanted(2, 3), wanted(2, 4)) == wanted(2, 4)
    assert newer(wanted(2, 3), wanted(3, None)) == wanted(3, None)


async def test_no_thread_outlives_the_agent(rig: Rig) -> None:
    await rig.desk.run(order("lo", filter="udp port 9"))
    assert any(one.name == "capflow-capture" for one in threading.enumerate())
    await rig.kill()
    await until(lambda: not any(t.name == "capflow-capture" for t in threading.enumerate()))


class _Split:
    """Events go over one bus, everything else over another."""

    def __init__(self, other: Any, events: MemoryBus) -> None:
        self._other = other
        self._events = events

    def __getattr__(self, name: str) -> Any:
        return getattr(self._other, name)

    async def publish(self, exchange: str, *rest: Any, **how: Any) -> None:
        bus = self._events if exchange == EVENTS else self._other
        await bus.publish(exchange, *rest, **how)


def _reports_queue() -> Any:
    from contracts.topology import REPORTS_QUEUE

    return REPORTS_QUEUE
