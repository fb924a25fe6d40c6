"""The tasks that handle the messages of one queue, as many at once as its prefetch."""

import asyncio
from typing import Protocol

from services.runtime.bus.ackrule import AckRule
from services.runtime.bus.port import Incoming


class Delivery(Protocol):
    """One message that a queue handed to us."""

    @property
    def incoming(self) -> Incoming:
        """The message."""

    @property
    def alive(self) -> bool:
        """Whether it is still ours; a lost connection takes it away and it comes again."""

    async def acknowledge(self) -> None:
        """It is done with; raises nothing where it is not ours any more."""

    def release(self) -> None:
        """Not handled: the queue gives it to somebody again."""


class Crew:
    """Workers that outlive connections, so that losing one never cancels a handler.

    What waits is bounded by the queue's prefetch, which the bus keeps.
    """

    def __init__(self, size: int, rule: AckRule) -> None:
        self._rule = rule
        self._ending = False
        self._waiting: asyncio.Queue[Delivery | None] = asyncio.Queue()
        self._workers = [asyncio.create_task(self._work()) for _ in range(size)]

    def give(self, delivery: Delivery) -> None:
        """A message to handle after those given before."""
        self._waiting.put_nowait(delivery)

    async def finish(self) -> None:
        """Release what waits, and wait for the handlers under way."""
        self._ending = True
        self._rule.pause.end()
        for delivery in reversed(self._drain()):
            delivery.release()
        for _ in self._workers:
            self._waiting.put_nowait(None)
        await asyncio.gather(*self._workers)

    def _drain(self) -> list[Delivery]:
        waiting = [self._waiting.get_nowait() for _ in range(self._waiting.qsize())]
        return [delivery for delivery in waiting if delivery is not None]

    async def _work(self) -> None:
        while (delivery := await self._waiting.get()) is not None:
            await self._handle(delivery)

    async def _handle(self, delivery: Delivery) -> None:
        if await self._rule.settle(delivery.incoming, lambda: self._ours(delivery)):
            await delivery.acknowledge()
        else:
            delivery.release()

    def _ours(self, delivery: Delivery) -> bool:
        return delivery.alive and not self._ending
