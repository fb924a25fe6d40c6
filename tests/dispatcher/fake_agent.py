"""An agent with nothing behind it: it says that it captures."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from contracts.keepalive import KeepAlive, ServiceInfo, Wanted
from contracts.ledger import Ledger
from contracts.order import Order
from contracts.task import CaptureStatus, StopReason, TaskReport, TaskState
from contracts.topology import (
    EVENTS,
    KEEPALIVE,
    KEEPALIVE_TYPE,
    TASK_REPORT,
    report_key,
)
from services.runtime.bus.codec import encode
from services.runtime.bus.port import Bus, Incoming, Mailbox
from services.runtime.errors import BusUnavailable

FULL = Ledger(seen=12, captured=10, dropped_kernel=2, stored=10, blocks=1, bytes=1000)


@dataclass
class FakeAgent:
    """Follows its wanted list, if it is told to; says what it is told to say."""

    bus: Bus
    resource: str = "web-1"
    services: tuple[str, ...] = ("eth0", "lo")
    interval: float = 0.5
    agent_id: UUID = field(default_factory=uuid4)
    boot: int = 1
    seq: int = 0
    revision: int = 0
    obeys: bool = True
    silent: bool = False
    captures: dict[UUID, CaptureStatus] = field(default_factory=dict)
    answers: list[Wanted] = field(default_factory=list)
    ran: list[UUID] = field(default_factory=list)
    """Every capture it ever began, in order."""
    ended_seq: dict[UUID, int] = field(default_factory=dict)

    @property
    def wanted(self) -> Wanted:
        return self.answers[-1]

    @property
    def wanted_ids(self) -> set[UUID]:
        return {order.task_id for order in self.wanted.orders}

    @property
    def running(self) -> set[UUID]:
        return {i for i, status in self.captures.items() if not status.state.ended}

    @asynccontextmanager
    async def alive(self) -> AsyncIterator["FakeAgent"]:
        """Sends KeepAlives until left."""
        self.mailbox: Mailbox = await self.bus.mailbox(self._receive)
        self._news = asyncio.Event()
        beating = asyncio.create_task(self._beat_for_ever())
        try:
            yield self
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
            await self.mailbox.close()

    async def beat(self, **fields: Any) -> int:
        """Send one KeepAlive; its seq."""
        self.seq += 1
        said = {
            "resource": self.resource,
            "agent_id": self.agent_id,
            "boot": self.boot,
            "seq": self.seq,
            "revision": self.revision,
            "interval": self.interval,
            "version": "1.2.3",
            "services": [ServiceInfo(service=name, interface=name) for name in self.services],
            "captures": list(self.captures.values()),
            **fields,
        }
        for task_id, status in self.captures.items():
            if status.state.ended:
                self.ended_seq.setdefault(task_id, self.seq)
        message = encode(KEEPALIVE_TYPE, KeepAlive(**said))
        await self.mailbox.send(KEEPALIVE, self.resource, message)
        return self.seq

    async def report(self, status: CaptureStatus, **fields: Any) -> None:
        """Publish what it says of one capture."""
        self.captures[status.order.task_id] = status
        self.seq += 1
        said = {
            "resource": self.resource,
            "agent_id": self.agent_id,
            "boot": self.boot,
            "seq": self.seq,
            "capture": status,
            **fields,
        }
        key = report_key(status.state, self.resource, status.order.service)
        await self.bus.publish(EVENTS, key, encode(TASK_REPORT, TaskReport(**said)))

    async def end(
        self, task_id: UUID, reason: StopReason | None = StopReason.REQUESTED, **fields: Any
    ) -> None:
        """Report a capture as stopped."""
        update = {"state": TaskState.STOPPED, "stop_reason": reason, "ledger": FULL, **fields}
        await self.report(self.captures[task_id].model_copy(update=update))

    async def restart(self) -> None:
        """Come back with a new boot: what ran has ended."""
        self.boot += 1
        self.seq = 0
        for task_id, status in self.captures.items():
            if not status.state.ended:
                fields = {"state": TaskState.STOPPED, "stop_reason": StopReason.AGENT_RESTARTED}
                self.captures[task_id] = status.model_copy(update=fields)
        await self.beat()

    def _receive(self, incoming: Incoming) -> None:
        answer = Wanted.model_validate_json(incoming.body)
        self.answers.append(answer)
        self._news.set()

    async def _beat_for_ever(self) -> None:
        while True:
            try:
                if not self.silent:
                    await self.beat()
            except BusUnavailable:
                pass
            await self._follow_for(self.interval)

    async def _follow_for(self, seconds: float) -> None:
        until = asyncio.get_running_loop().time() + seconds
        while (left := until - asyncio.get_running_loop().time()) > 0:
            try:
                async with asyncio.timeout(left):  # wait_for may eat a cancellation
                    await self._news.wait()
            except TimeoutError:
                return
            self._news.clear()
            if self.obeys and not self.silent and self.answers:
                await self._follow(self.wanted)

    async def _follow(self, wanted: Wanted) -> None:
        if wanted.refused or wanted.revision < self.revision:
            return
        news = wanted.revision > self.revision
        self.revision = wanted.revision
        ids = {order.task_id for order in wanted.orders}
        for order in wanted.orders:
            if order.task_id not in self.captures and order.task_id not in self.ran:
                await self._begin(order)
        for task_id in self.running - ids:
            await self.end(task_id)
        self._forget(wanted, ids)
        if news:
            await self.beat()

    async def _begin(self, order: Order) -> None:
        self.ran.append(order.task_id)
        await self.report(CaptureStatus(order=order, state=TaskState.RUNNING, interface="eth0"))

    def _forget(self, wanted: Wanted, ids: set[UUID]) -> None:
        for task_id, status in list(self.captures.items()):
            told = self.ended_seq.get(task_id)
            settled = wanted.seq is not None and told is not None and wanted.seq >= told
            if status.state.ended and task_id not in ids and settled:
                del self.captures[task_id]
