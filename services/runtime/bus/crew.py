"""The tasks that handle the messages of one queue, as many at once as its prefetch."""

import asyncio
from typing import Protocol

from services.runtime.bus.ackrule import AckRule
from services.runtime.bus.cancelled import cancelled_by_others
from services.runtime.bus.port import Incoming, Quick

_MOST_TOGETHER = 64
_MOST_BATCHES = 2
"""One is on its way to a store while the other is decoded."""


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

    What comes in goes to `quick` first, where there is one, as many together as have come; what
    that leaves goes to the workers. What waits is bounded by the queue's prefetch, which the bus
    keeps.
    """

    def __init__(self, size: int, rule: AckRule, quick: Quick | None = None) -> None:
        self._rule = rule
        self._quick = quick
        self._ending = False
        self._fresh: list[Delivery] = []
        self._batches: set[asyncio.Task[None]] = set()
        self._waiting: asyncio.Queue[Delivery | None] = asyncio.Queue()
        self._workers = [asyncio.create_task(self._work()) for _ in range(size)]

    def give(self, delivery: Delivery) -> None:
        """A message to handle after those given before."""
        if self._quick is None or self._rule.pause.on:
            self._waiting.put_nowait(delivery)
            return
        self._fresh.append(delivery)
        if len(self._batches) < _MOST_BATCHES:
            batch = asyncio.create_task(self._take_fresh(self._quick))
            self._batches.add(batch)
            batch.add_done_callback(self._batches.discard)

    async def finish(self) -> None:
        """Release what waits, and wait for the handlers under way."""
        self._ending = True
        self._rule.pause.end()
        await asyncio.gather(*self._batches)
        for delivery in reversed(self._drain()):
            delivery.release()
        for _ in self._workers:
            self._waiting.put_nowait(None)
        await asyncio.gather(*self._workers)

    def _drain(self) -> list[Delivery]:
        waiting = [self._waiting.get_nowait() for _ in range(self._waiting.qsize())]
        return [delivery for delivery in waiting if delivery is not None] + self._fresh

    async def _take_fresh(self, quick: Quick) -> None:
        while self._fresh and not self._ending:
            batch, self._fresh = self._fresh[:_MOST_TOGETHER], self._fresh[_MOST_TOGETHER:]
            left = await _left(quick, batch)
            for at, delivery in enumerate(batch):
                if at in left:
                    self._waiting.put_nowait(delivery)
                else:
                    await delivery.acknowledge()

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


async def _left(quick: Quick, batch: list[Delivery]) -> set[int]:
    """The places of those that the quick way did not handle, whatever kept it from it: the ack
    rule says what becomes of each."""
    try:
        return await quick([delivery.incoming for delivery in batch])
    except asyncio.CancelledError:
        if not cancelled_by_others():
            raise
    except Exception:  # noqa: S110 - whoever takes them one by one meets it again, and tells
        pass
    return set(range(len(batch)))
