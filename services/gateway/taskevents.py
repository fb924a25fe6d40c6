"""What happens to tasks, as this gateway hears it on the bus."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

from contracts.task import Task
from contracts.topology import TASK_EVENT, gateway_events_queue
from services.gateway.metrics import Metrics
from services.runtime.bus.codec import decode
from services.runtime.bus.port import Bus, Incoming

_LOOK_AGAIN = 1.0

Hearer = Callable[[Task], None]
"""Takes one event; must not block."""


class TaskEvents:
    """Hears task events on a queue of its own, and tells each to every hearer.

    The queue goes with the connection. So what happened while the bus was away is not heard:
    `on_missed` is called then.
    """

    def __init__(
        self, bus: Bus, hearers: Sequence[Hearer], on_missed: Callable[[], None], metrics: Metrics
    ) -> None:
        self._bus = bus
        self._hearers = hearers
        self._on_missed = on_missed
        self._metrics = metrics
        self._queue = gateway_events_queue(uuid4().hex[:12])

    @asynccontextmanager
    async def subscribed(self) -> AsyncIterator[None]:
        """Hear events while the block runs; with the broker away, from when it is back."""
        subscription = await self._bus.consume(self._queue, self._hear)
        try:
            yield
        finally:
            await subscription.cancel()

    async def watch(self) -> None:
        """Tell when events may have been missed. Runs until cancelled."""
        regained = self._bus.regained
        while True:
            await asyncio.sleep(_LOOK_AGAIN)
            if self._bus.regained != regained:
                regained = self._bus.regained
                self._on_missed()

    async def _hear(self, incoming: Incoming) -> None:
        task = decode(incoming, {TASK_EVENT: Task})
        self._metrics.events.inc()
        for hear in self._hearers:
            hear(task)
