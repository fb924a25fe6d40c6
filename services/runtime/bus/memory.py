"""The bus inside one process: the same semantics as RabbitMQ, and nothing to install."""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Final

from contracts.topology import DEAD, EXCHANGES, MESSAGE_VERSION, QUEUES, TRACE_HEADER, QueueSpec
from contracts.topology import VERSION_HEADER as VERSION
from services.runtime.bus.ackrule import AckRule
from services.runtime.bus.crew import Crew
from services.runtime.bus.deadletter import dead_copy
from services.runtime.bus.memory_queue import MemoryQueue, Stored
from services.runtime.bus.port import (
    Handler,
    Incoming,
    Mailbox,
    Outgoing,
    Quick,
    Receiver,
    Subscription,
)
from services.runtime.bus.replyto import check_reply_to
from services.runtime.bus.topics import matches
from services.runtime.bus.trace import traceparent
from services.runtime.errors import BusUnavailable, Unroutable

_TYPES: Final[Mapping[str, str]] = {exchange.name: exchange.type for exchange in EXCHANGES}


class MemoryBus:
    """One bus for all services of a process. Made while an event loop runs."""

    def __init__(self) -> None:
        self._regained = asyncio.get_running_loop().time()
        self._queues = {spec.name: MemoryQueue(spec, self._bury_expired) for spec in QUEUES}
        self._receivers: dict[str, Receiver] = {}
        self._addresses = count(1)

    @property
    def connected(self) -> bool:
        """It always can."""
        return True

    @property
    def regained(self) -> float:
        """When it was made."""
        return self._regained

    def waiting(self, queue: str) -> int:
        """How many messages of `queue` nobody has taken yet."""
        return self._queues[queue].waiting

    def dropped(self, queue: str) -> int:
        """How many messages of `queue` were dropped because it was full."""
        return self._queues[queue].dropped

    async def publish(
        self, exchange: str, routing_key: str, message: Outgoing, *, mandatory: bool = True
    ) -> None:
        """See `Bus.publish`."""
        self._route(exchange, message, _received(message, routing_key), mandatory)
        await asyncio.sleep(0)  # a publisher must not keep the consumers from their turn

    async def reply(self, reply_to: str, message: Outgoing) -> None:
        """See `Bus.reply`; an address nobody holds is no error."""
        check_reply_to(reply_to)
        asyncio.get_running_loop().call_soon(self._answer, reply_to, _received(message, reply_to))
        await asyncio.sleep(0)

    async def reply_all(self, answers: Sequence[tuple[str, Outgoing]]) -> None:
        """See `Bus.reply_all`."""
        for reply_to, message in answers:
            await self.reply(reply_to, message)

    async def mailbox(self, receiver: Receiver) -> Mailbox:
        """See `Bus.mailbox`."""
        address = f"memory.reply-to.{next(self._addresses)}"
        self._receivers[address] = receiver
        return _MemoryMailbox(self, address)

    async def consume(
        self, queue: QueueSpec, handler: Handler, quick: Quick | None = None
    ) -> Subscription:
        """See `Bus.consume`; a queue that is new begins here."""
        held = self._queues.setdefault(queue.name, MemoryQueue(queue, self._bury_expired))
        rule = AckRule(queue, handler, lambda incoming, reason: self._bury(held, incoming, reason))
        return _MemorySubscription(self, held, Crew(queue.prefetch, rule, quick))

    async def close(self) -> None:
        """Nothing to close but clocks."""
        for queue in self._queues.values():
            queue.close()

    def send_from(self, exchange: str, message: Outgoing, incoming: Incoming) -> None:
        """Publish for a mailbox, whose address `incoming` carries."""
        self._route(exchange, message, incoming, mandatory=True)

    def forget_mailbox(self, address: str) -> None:
        """Answers to `address` are lost from now on."""
        self._receivers.pop(address, None)

    def forget_queue(self, spec: QueueSpec) -> None:
        """An exclusive queue goes with its consumer."""
        if spec.exclusive:
            self._queues.pop(spec.name).close()

    def _route(self, exchange: str, message: Outgoing, incoming: Incoming, mandatory: bool) -> None:
        takers = self._takers(exchange, incoming.routing_key)
        if not takers and mandatory:
            raise Unroutable(f"no queue takes {incoming.routing_key} of {exchange}")
        if full := [queue.spec.name for queue in takers if queue.refuses]:
            raise BusUnavailable(f"queue {full[0]} is full")
        for queue in takers:
            queue.put(Stored(incoming), message.expiration)

    def _takers(self, exchange: str, routing_key: str) -> list[MemoryQueue]:
        if exchange not in _TYPES:
            raise BusUnavailable(f"there is no exchange {exchange}")
        bound = [queue for queue in self._queues.values() if queue.spec.exchange == exchange]
        if _TYPES[exchange] == "fanout":
            return bound
        return [queue for queue in bound if matches(queue.spec.binding, routing_key)]

    def _answer(self, reply_to: str, incoming: Incoming) -> None:
        if receiver := self._receivers.get(reply_to):
            receiver(incoming)

    async def _bury(self, queue: MemoryQueue, incoming: Incoming, reason: str) -> None:
        self._bury_now(queue.spec, incoming, reason)

    def _bury_expired(self, queue: MemoryQueue, stored: Stored, reason: str) -> None:
        self._bury_now(queue.spec, stored.incoming, reason)

    def _bury_now(self, spec: QueueSpec, incoming: Incoming, reason: str) -> None:
        if spec.dead_letters:
            copy = dead_copy(incoming, spec.name, reason)
            self._route(DEAD, copy, _received(copy, incoming.routing_key), mandatory=False)


class _MemoryMailbox:
    def __init__(self, bus: MemoryBus, address: str) -> None:
        self._bus = bus
        self._address = address

    async def send(self, exchange: str, routing_key: str, message: Outgoing) -> None:
        self._bus.send_from(exchange, message, _received(message, routing_key, self._address))
        await asyncio.sleep(0)

    async def close(self) -> None:
        self._bus.forget_mailbox(self._address)


class _MemorySubscription:
    def __init__(self, bus: MemoryBus, queue: MemoryQueue, crew: Crew) -> None:
        self._bus = bus
        self._queue = queue
        self._crew = crew
        queue.add(crew)

    async def cancel(self) -> None:
        self._queue.remove(self._crew)
        await self._crew.finish()
        self._bus.forget_queue(self._queue.spec)


def _received(message: Outgoing, routing_key: str, reply_to: str | None = None) -> Incoming:
    return Incoming(
        type=message.type,
        body=message.body,
        message_id=message.message_id,
        routing_key=routing_key,
        correlation_id=message.correlation_id,
        reply_to=reply_to,
        headers={VERSION: MESSAGE_VERSION, TRACE_HEADER: traceparent(), **message.headers},
    )
