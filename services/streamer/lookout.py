"""Looks into the store for what a feed did not tell: at the start, after a hole, after history
was lost, and when the ledger counts more than has come."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from contracts.task import Capture
from services.packets.endpoints.port import PacketStore
from services.runtime import logs
from services.runtime.backoff import delays
from services.runtime.errors import StoreUnavailable
from services.streamer.channel import Channel
from services.streamer.metrics import Metrics
from services.streamer.pages import PAGE, Pages

_FAR = 2 * PAGE
"""Of more blocks missed, viewers read what they need from the store, each at its own pace."""

Read = Callable[[Channel], Awaitable[None]]


class Lookout:
    """Brings channels level with the store; of one channel, one look at a time."""

    def __init__(self, records: PacketStore, pages: Pages, metrics: Metrics) -> None:
        self._records = records
        self._pages = pages
        self._metrics = metrics
        self._looks: dict[Channel, bool] = {}
        """Channels being looked after, and whether they must be once more."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        self.group = asyncio.TaskGroup()
        """Its tasks; entered by the hub, so that the failure of one ends the service."""

    def open(self, channel: Channel, opened: Callable[[], None]) -> None:
        """Find out how far a new channel is; `opened` is called then."""

        async def work() -> None:
            await self._insist(channel, self._go_on)
            opened()

        if not self._closed:
            self._spawn(work())

    def look(self, channel: Channel) -> None:
        """Read on from the store, soon."""
        if channel in self._looks:
            self._looks[channel] = True
        elif not self._closed:
            self._looks[channel] = False
            self._spawn(self._look_until_level(channel))

    def close(self) -> None:
        """Look no more."""
        self._closed = True
        for task in list(self._tasks):
            task.cancel()

    def away(self, name: str, error: StoreUnavailable) -> None:
        """An endpoint does not answer: say so."""
        self._metrics.away.labels(f"endpoint {name}").inc()
        logs.get("streamer").warning("an endpoint is away", endpoint=name, reason=str(error))

    async def _look_until_level(self, channel: Channel) -> None:
        try:
            again = True
            while again:
                self._looks[channel] = False
                await self._insist(channel, self._read_on)
                again = self._looks[channel]
        finally:
            del self._looks[channel]

    async def _insist(self, channel: Channel, read: Read) -> None:
        """Read for as long as the endpoint is away and somebody watches."""
        waits = delays()
        while not (channel.closed or self._closed):
            try:
                await read(channel)
                return
            except StoreUnavailable as error:
                self.away(channel.capture.endpoint.name, error)
                await asyncio.sleep(next(waits))

    async def _read_on(self, channel: Channel) -> None:
        """Take in what has come since; the record is read first, so that an end comes last."""
        capture = await self._records.session(channel.session)
        blocks = await self._pages.read(channel.store, channel.session, channel.ring.head)
        if len(blocks) == PAGE:
            self._looks[channel] = True
            stored = await channel.store.stored(channel.session)
            if stored.blocks > channel.ring.head + _FAR:
                await self._go_on(channel)
                return
        for block in blocks:
            if block.block >= channel.ring.head:
                channel.take(block)
        self._take_record(channel, capture)

    def _take_record(self, channel: Channel, capture: Capture | None) -> None:
        if capture is None or capture.task_id != channel.capture.task_id:
            self._pages.forget(channel.session)
            channel.vanish()
            return
        channel.record(capture)
        if channel.ended and channel.short:
            channel.looks += 1
        channel.pump()

    async def _go_on(self, channel: Channel) -> None:
        """Go on after all that the store holds."""
        stored = await channel.store.stored(channel.session)
        last = await channel.store.block_with(channel.session, max(0, stored.next - 1))
        if last is None:
            channel.open(0, stored.next, 0)
        else:  # which may have come since, where there was none before
            channel.open(last.block + 1, max(stored.next, last.next), last.dropped)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self.group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
