"""All sessions with viewers: one feed an endpoint, dispatched to the sessions' channels."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Literal
from weakref import WeakValueDictionary

from contracts.task import Capture
from services.packets.endpoints.opening import Endpoints
from services.packets.endpoints.port import (
    BlockStored,
    Change,
    Feed,
    HistoryLost,
    SessionChanged,
    SessionRemoved,
)
from services.runtime import logs
from services.runtime.backoff import delays
from services.runtime.errors import StoreUnavailable, Unavailable
from services.streamer.channel import PATIENCE, Channel
from services.streamer.metrics import Metrics
from services.streamer.pages import PAGE, Pages
from services.streamer.ring import Ring

_LINGER = 3.0
"""Seconds a channel outlives its last viewer, who may be about to come back."""
_SHORT_FOR = 1.0
"""Seconds blocks may be late before the store is looked into."""
_FAR = 2 * PAGE
"""Blocks missed that viewers read from the store, each at its own pace."""
_LEAST_RING = 1 << 16


class NoSuchSession(Exception):
    """The store has no such session."""


class Hub:
    """The channels, and the feeds behind them.

    `ring` and `memory` bound the recent blocks kept, in bytes: of one session, and of all.
    """

    def __init__(
        self, endpoints: Endpoints, pages: Pages, ring: int, memory: int, metrics: Metrics
    ) -> None:
        self.channels: dict[str, Channel] = {}
        self._endpoints = endpoints
        self._pages = pages
        self._ring = ring
        self._memory = memory
        self._metrics = metrics
        self._feeds: dict[str, Feed] = {name: store.feed() for name, store in endpoints.items()}
        self._unwatched: set[Channel] = set()
        self._looks: dict[str, bool] = {}
        """Sessions whose store is being looked into, and whether it must be once more."""
        self._entering: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._tasks: set[asyncio.Task[None]] = set()
        self._group = asyncio.TaskGroup()
        self._closing = False

    async def enter(self, session: str) -> Channel:
        """The channel of a session. Raises NoSuchSession, Unavailable."""
        lock = self._entering.get(session)
        if lock is None:
            lock = self._entering[session] = asyncio.Lock()
        async with lock:  # a thousand viewers who come at once cost one query
            channel = self.channels.get(session)
            if channel is None:
                channel = self._add(await self._recorded(session))
        if channel.removed:
            raise NoSuchSession(session)
        return channel

    async def run(self) -> None:
        """Follow the feeds until `close`."""
        async with self._group:
            for name, feed in self._feeds.items():
                self._group.create_task(self._follow(name, feed))

    async def close(self) -> None:
        """End the feeds; a read of theirs under way is not cancelled, but returns."""
        self._closing = True
        for task in list(self._tasks):
            task.cancel()
        for feed in self._feeds.values():
            await feed.close()

    def tend(self, now: float) -> None:
        """Look after the channels, about once a second."""
        for channel in list(self.channels.values()):
            if _lasting(channel, "deserted", not channel.members, now, _LINGER):
                self._remove(channel)
            elif _lasting(channel, "short", _waits(channel), now, _SHORT_FOR):
                self._look(channel)
        self._metrics.recent.set(sum(channel.ring.size for channel in self.channels.values()))

    async def _recorded(self, session: str) -> Capture:
        capture = await self._endpoints.first.session(session)
        if capture is None:
            raise NoSuchSession(session)
        return capture

    def _add(self, capture: Capture) -> Channel:
        try:
            store = self._endpoints.get(capture.endpoint.name)
        except KeyError:
            name = capture.endpoint.name
            raise Unavailable(f"endpoint {name!r} is not among this streamer's") from None
        channel = Channel(capture, store, Ring(self._ring))
        self.channels[capture.session] = channel
        self._unwatched.add(channel)
        self._arrange()
        self._spawn(self._open(channel))
        return channel

    def _remove(self, channel: Channel) -> None:
        del self.channels[channel.session]
        self._unwatched.discard(channel)
        self._arrange()

    def _arrange(self) -> None:
        """Watch what has viewers, and divide the memory among it."""
        self._metrics.sessions.set(len(self.channels))
        share = self._memory // max(1, len(self.channels))
        for channel in self.channels.values():
            channel.ring.limit = max(_LEAST_RING, min(self._ring, share))
        for name, feed in self._feeds.items():
            feed.watch([s for s, channel in self.channels.items() if self._carries(name, channel)])

    def _carries(self, name: str, channel: Channel) -> bool:
        """Whether an endpoint's feed tells of a channel; the first has all records."""
        return name in (self._endpoints.first_name, channel.capture.endpoint.name)

    async def _follow(self, name: str, feed: Feed) -> None:
        waits = delays()
        while not self._closing:
            try:
                changes = await feed.changes()
            except StoreUnavailable as error:
                self._away(name, error)
                await asyncio.sleep(next(waits))
                continue
            waits = delays()
            for change in changes:
                self._dispatch(name, change)
                await asyncio.sleep(0)  # a block may have gone to a thousand viewers
            self._check_watched()

    def _dispatch(self, name: str, change: Change) -> None:
        match change:
            case BlockStored(block):
                self._metrics.arrived.labels(name).inc()
                channel = self.channels.get(block.session)
                if channel is not None and not channel.arrive(block):
                    self._look(channel)
            case SessionChanged(capture):
                if (channel := self.channels.get(capture.session)) is not None:
                    channel.record(capture)
            case SessionRemoved(session):
                if (channel := self.channels.get(session)) is not None:
                    self._vanish(channel)
            case HistoryLost():
                self._history_lost(name)

    def _history_lost(self, name: str) -> None:
        self._metrics.history_lost.labels(name).inc()
        logs.get("streamer").warning("the feed lost its history; reading on", endpoint=name)
        for channel in self.channels.values():
            if self._carries(name, channel):
                self._look(channel)

    def _check_watched(self) -> None:
        """Look once for what came before the feed carried a session."""
        for channel in list(self._unwatched):
            feeds = [feed for name, feed in self._feeds.items() if self._carries(name, channel)]
            if channel.opened.is_set() and all(channel.session in f.watching for f in feeds):
                self._unwatched.discard(channel)
                self._look(channel)

    async def _open(self, channel: Channel) -> None:
        await self._insist(channel, self._go_on)
        self._check_watched()

    def _look(self, channel: Channel) -> None:
        """Read on from the store, because the feed has not told all."""
        if channel.session in self._looks:
            self._looks[channel.session] = True
            return
        self._looks[channel.session] = False
        self._spawn(self._look_until_level(channel))

    async def _look_until_level(self, channel: Channel) -> None:
        try:
            again = True
            while again:
                self._looks[channel.session] = False
                await self._insist(channel, self._read_on)
                again = self._looks[channel.session]
        finally:
            del self._looks[channel.session]

    async def _insist(self, channel: Channel, read: Any) -> None:
        """Read for as long as the endpoint is away and the channel is there."""
        waits = delays()
        while self.channels.get(channel.session) is channel:
            try:
                return await read(channel)  # type: ignore[no-any-return]
            except StoreUnavailable as error:
                self._away(channel.capture.endpoint.name, error)
                await asyncio.sleep(next(waits))
        return None

    async def _read_on(self, channel: Channel) -> None:
        capture = await self._endpoints.first.session(channel.session)
        blocks = await self._pages.read(channel.store, channel.session, channel.ring.head)
        if len(blocks) == PAGE:
            self._looks[channel.session] = True
            if (await channel.store.stored(channel.session)).blocks > channel.ring.head + _FAR:
                return await self._go_on(channel)
        for block in blocks:
            if block.block >= channel.ring.head:
                channel.take(block)
        return self._read_record(channel, capture)

    def _read_record(self, channel: Channel, capture: Capture | None) -> None:
        """Take in the record, which was read before the blocks were."""
        if capture is None:
            return self._vanish(channel)
        channel.record(capture)
        if channel.capture.state.ended and channel.short:
            channel.looks += 1
        return channel.pump()

    async def _go_on(self, channel: Channel) -> None:
        """Go on after all that the store holds."""
        stored = await channel.store.stored(channel.session)
        last = await self._pages.read(channel.store, channel.session, max(0, stored.blocks - 1), 1)
        channel.open(stored.blocks, stored.next, last[0].dropped if last else 0)

    def _vanish(self, channel: Channel) -> None:
        self._pages.forget(channel.session)
        channel.vanish()

    def _away(self, name: str, error: StoreUnavailable) -> None:
        self._metrics.away.labels(f"endpoint {name}").inc()
        logs.get("streamer").warning("an endpoint is away", endpoint=name, reason=str(error))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _waits(channel: Channel) -> bool:
    return channel.short and not channel.removed and channel.looks < PATIENCE


def _lasting(
    channel: Channel, what: Literal["short", "deserted"], holds: bool, now: float, most: float
) -> bool:
    """Whether something has held for longer than `most` seconds."""
    if not holds:
        channel.since.pop(what, None)
        return False
    return now - channel.since.setdefault(what, now) >= most
