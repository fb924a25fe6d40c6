"""One queue of the bus inside one process."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from contracts.topology import QueueSpec
from services.runtime.bus.crew import Crew
from services.runtime.bus.limits import DELIVERY_LIMIT
from services.runtime.bus.port import Incoming

MAX_MESSAGES = 10_000
MAX_BYTES = 64 << 20


@dataclass(slots=True, eq=False)
class Stored:
    """A message in a queue."""

    incoming: Incoming
    deliveries: int = 0
    expiry: asyncio.TimerHandle | None = None


class MemoryQueue:
    """Messages in order, and the consumers that take turns with them.

    Bounded to 10,000 messages and 64 MiB. As the shipped policies say, a full queue of commands or
    reports refuses new ones; one of level-triggered messages or events drops its oldest.
    """

    def __init__(self, spec: QueueSpec, bury: Callable[["MemoryQueue", Stored, str], None]) -> None:
        self.spec = spec
        self.dropped = 0
        self._bury = bury
        self._messages: deque[Stored] = deque()
        self._bytes = 0
        self._consumers: dict[Crew, int] = {}

    @property
    def waiting(self) -> int:
        """How many messages nobody has taken."""
        return len(self._messages)

    @property
    def refuses(self) -> bool:
        """Whether it takes no more."""
        return self._full and self.spec.quorum and self.spec.dead_letters

    def put(self, stored: Stored, expiration: float | None) -> None:
        """Add a message that is dead after `expiration` seconds in the queue."""
        if self._full:
            self._take()
            self.dropped += 1
        if expiration is not None:
            loop = asyncio.get_running_loop()
            stored.expiry = loop.call_later(expiration, self._expire, stored)
        self._messages.append(stored)
        self._bytes += len(stored.incoming.body)
        self._hand_out()

    def give_back(self, stored: Stored) -> None:
        """A message that was taken and not handled goes to the front, to be delivered again."""
        if stored.deliveries > DELIVERY_LIMIT:
            self._bury(self, stored, "delivery_limit")
            return
        stored.incoming = replace(stored.incoming, redelivered=True)
        self._messages.appendleft(stored)
        self._bytes += len(stored.incoming.body)

    def add(self, consumer: Crew) -> None:
        """`consumer` takes messages from now on."""
        self._consumers[consumer] = 0
        self._hand_out()

    def remove(self, consumer: Crew) -> None:
        """`consumer` takes no more."""
        self._consumers.pop(consumer, None)

    def settled(self, consumer: Crew) -> None:
        """`consumer` has room for another one."""
        if consumer in self._consumers:
            self._consumers[consumer] -= 1
        self._hand_out()

    def close(self) -> None:
        """Stop the clocks of what waits."""
        while self._messages:
            self._take()

    def _hand_out(self) -> None:
        while self._messages and (consumer := self._least_busy()) is not None:
            stored = self._take()
            stored.deliveries += 1
            self._consumers[consumer] = self._consumers.pop(consumer) + 1  # now last of its equals
            consumer.give(_MemoryDelivery(self, consumer, stored))

    def _least_busy(self) -> Crew | None:
        consumer = min(self._consumers, key=self._consumers.__getitem__, default=None)
        full = consumer is None or self._consumers[consumer] >= self.spec.prefetch
        return None if full else consumer

    @property
    def _full(self) -> bool:
        return len(self._messages) >= MAX_MESSAGES or self._bytes >= MAX_BYTES

    def _take(self) -> Stored:
        stored = self._messages.popleft()
        self._bytes -= len(stored.incoming.body)
        if stored.expiry is not None:
            stored.expiry.cancel()
        return stored

    def _expire(self, stored: Stored) -> None:
        self._messages.remove(stored)
        self._bytes -= len(stored.incoming.body)
        self._bury(self, stored, "expired")


class _MemoryDelivery:
    alive = True

    def __init__(self, queue: MemoryQueue, consumer: Crew, stored: Stored) -> None:
        self._queue = queue
        self._consumer = consumer
        self._stored = stored

    @property
    def incoming(self) -> Incoming:
        return self._stored.incoming

    async def acknowledge(self) -> None:
        self._queue.settled(self._consumer)

    def release(self) -> None:
        self._queue.give_back(self._stored)
        self._queue.settled(self._consumer)
