"""A dispatcher's part towards one agent: it keeps a list, answers KeepAlives, hears reports."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar
from uuid import UUID

from contracts.keepalive import KeepAlive, Wanted
from contracts.order import Order
from contracts.task import CaptureStatus, TaskReport, TaskState
from contracts.topology import (
    KEEPALIVE_QUEUE,
    KEEPALIVE_TYPE,
    REPORTS_QUEUE,
    TASK_REPORT,
    WANTED_TYPE,
)
from services.runtime.bus.codec import decode, encode
from services.runtime.bus.port import Bus, Incoming
from tests.support.wait import until

T = TypeVar("T")


async def found(look: Callable[[], T | None], timeout: float = 30) -> T:
    """What `look` gives, once it gives something."""
    await until(lambda: look() is not None, timeout)
    result = look()
    assert result is not None
    return result


class Desk:
    """What is wanted of an agent, and what it says."""

    def __init__(self, bus: Bus, resource: str = "here") -> None:
        self.resource = resource
        self.orders: dict[UUID, Order] = {}
        self.revision = 0
        self.keepalives: list[KeepAlive] = []
        self.reports: list[TaskReport] = []
        self.refused: str | None = None
        self.acknowledges = True
        self._bus = bus
        self._reply_to: str | None = None

    async def want(self, order: Order) -> None:
        """Put an order on the list, and tell the agent."""
        self.orders[order.task_id] = order
        await self._changed()

    async def unwant(self, order: Order) -> None:
        """Take an order off the list, and tell the agent."""
        self.orders.pop(order.task_id, None)
        await self._changed()

    async def run(self, order: Order, timeout: float = 30) -> CaptureStatus:
        """Want an order, and wait until it runs or has ended."""
        await self.want(order)
        return await found(lambda: self.report(order), timeout)

    async def stop(self, order: Order, timeout: float = 30) -> CaptureStatus:
        """Take an order off the list, and wait until it has ended."""
        await self.unwant(order)
        return await self.ended(order, timeout)

    async def ended(self, order: Order, timeout: float = 30) -> CaptureStatus:
        """The last report of an order, once it says that it has ended."""
        return await found(lambda: self._ended(order), timeout)

    async def keepalive_after(self, seq: int = 0, timeout: float = 30) -> KeepAlive:
        """The first KeepAlive with a number above `seq`."""
        return await found(
            lambda: next((one for one in self.keepalives if one.seq > seq), None), timeout
        )

    async def accepted(self, timeout: float = 30) -> None:
        """Wait until the agent has accepted the newest list."""
        await until(
            lambda: self.keepalives and self.keepalives[-1].revision == self.revision, timeout
        )

    def report(self, order: Order) -> CaptureStatus | None:
        """The last that was reported of an order."""
        told = [one.capture for one in self.reports if one.capture.order.task_id == order.task_id]
        return told[-1] if told else None

    def states(self, order: Order) -> list[TaskState]:
        """The states reported of an order, each change once."""
        told = [
            one.capture.state for one in self.reports if one.capture.order.task_id == order.task_id
        ]
        return [state for at, state in enumerate(told) if at == 0 or told[at - 1] != state]

    def listed(self, order: Order) -> CaptureStatus | None:
        """The order's entry in the last KeepAlive."""
        entries = self.keepalives[-1].captures if self.keepalives else []
        return next((one for one in entries if one.order.task_id == order.task_id), None)

    async def push(self, wanted: Wanted) -> None:
        """Send the agent a list."""
        assert self._reply_to is not None
        await self._bus.reply(self._reply_to, encode(WANTED_TYPE, wanted))

    def wanted(self, seq: int | None = None) -> Wanted:
        """The list as it is."""
        orders = [] if self.refused else list(self.orders.values())
        return Wanted(
            resource=self.resource,
            revision=self.revision,
            orders=orders,
            seq=seq,
            refused=self.refused,
        )

    async def hear_keepalive(self, incoming: Incoming) -> None:
        """Note a KeepAlive and answer it."""
        keepalive = decode(incoming, {KEEPALIVE_TYPE: KeepAlive})
        self.keepalives.append(keepalive)
        assert incoming.reply_to is not None
        self._reply_to = incoming.reply_to
        self.revision = max(self.revision, keepalive.revision)
        await self.push(self.wanted(keepalive.seq if self.acknowledges else None))

    async def hear_report(self, incoming: Incoming) -> None:
        """Note a report."""
        self.reports.append(decode(incoming, {TASK_REPORT: TaskReport}))

    async def _changed(self) -> None:
        self.revision += 1
        if self._reply_to is not None:
            await self.push(self.wanted())

    def _ended(self, order: Order) -> CaptureStatus | None:
        last = self.report(order)
        return last if last is not None and last.state.ended else None


@asynccontextmanager
async def open_desk(bus: Bus, resource: str = "here") -> AsyncIterator[Desk]:
    """A desk that listens."""
    desk = Desk(bus, resource)
    keepalives = await bus.consume(KEEPALIVE_QUEUE, desk.hear_keepalive)
    reports = await bus.consume(REPORTS_QUEUE, desk.hear_report)
    yield desk
    await keepalives.cancel()
    await reports.cancel()
