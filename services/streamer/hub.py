"""All sessions with viewers: one feed an endpoint, dispatched to the sessions' channels."""

import asyncio
from typing import Literal
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
from services.streamer.lookout import Lookout
from services.streamer.metrics import Metrics
from services.streamer.pages import Pages
from services.streamer.ring import Ring

_LINGER = 3.0
"""Seconds a channel outlives its last viewer, who may be about to come back."""
_SHORT_FOR = 1.0
"""Seconds blocks may be late before the store is looked into."""
_LEAST_RING = 1 << 16
_CLOSE_SECONDS = 3.0


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
        self._ring = ring
        self._memory = memory
        self._metrics = metrics
        self._feeds: dict[str, Feed] = {name: store.feed() for name, store in endpoints.items()}
        self._unwatched: set[Channel] = set()
        self._entering: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._lookout = Lookout(endpoints.first, pages, metrics)
        self._follows: list[asyncio.Task[None]] = []
        self._closing = False

    async def enter(self, session: str) -> Channel:
        """The channel of a session. Raises NoSuchSession, Unavailable."""
        lock = self._entering.get(session)
        if lock is None:
            lock = self._entering[session] = asyncio.Lock()
        async with lock:  # a thousand viewers who come at once cost one query
            channel = self.channels.get(session)
            if channel is None or channel.removed:  # a removed session's name can be given again
                capture = await self._recorded(session)
                if channel is not None:
                    self._remove(channel)
                channel = self._add(capture)
        return channel

    async def run(self) -> None:
        """Follow the feeds until `close`."""
        async with self._lookout.group as group:
            for name, feed in self._feeds.items():
                self._follows.append(group.create_task(self._follow(name, feed)))

    async def close(self) -> None:
        """End the feeds; a read of theirs under way is not cancelled unless it takes too long."""
        self._closing = True
        self._lookout.close()
        closing = [asyncio.create_task(feed.close()) for feed in self._feeds.values()]
        if closing:
            await asyncio.wait(closing, timeout=_CLOSE_SECONDS)
        for task in (*closing, *self._follows):  # of an endpoint that is frozen
            task.cancel()

    def tend(self, now: float) -> None:
        """Look after the channels, about once a second."""
        for channel in list(self.channels.values()):
            if _lasting(channel, "deserted", not channel.members, now, _LINGER):
                self._remove(channel)
            elif _lasting(channel, "short", _waits(channel), now, _SHORT_FOR):
                self._lookout.look(channel)
        self._metrics.recent.set(sum(channel.ring.size for channel in self.channels.values()))
        for name, store in self._endpoints.items():
            self._metrics.not_believed.labels(name).set(store.set_aside)

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
        self._lookout.open(channel, self._check_watched)
        return channel

    def _remove(self, channel: Channel) -> None:
        channel.closed = True
        if self.channels.get(channel.session) is channel:
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
                self._lookout.away(name, error)
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
                    self._lookout.look(channel)
            case SessionChanged(capture):
                channel = self.channels.get(capture.session)
                if channel is not None and channel.capture.task_id == capture.task_id:
                    channel.record(capture)
            case SessionRemoved(session):
                if (channel := self.channels.get(session)) is not None:
                    self._lookout.look(channel)
            case HistoryLost():
                self._history_lost(name)

    def _history_lost(self, name: str) -> None:
        self._metrics.history_lost.labels(name).inc()
        logs.get("streamer").warning("the feed lost its history; reading on", endpoint=name)
        for channel in self.channels.values():
            if self._carries(name, channel):
                self._lookout.look(channel)

    def _check_watched(self) -> None:
        """Look once for what came before the feed carried a session."""
        for channel in list(self._unwatched):
            feeds = [feed for name, feed in self._feeds.items() if self._carries(name, channel)]
            if channel.opened.is_set() and all(channel.session in f.watching for f in feeds):
                self._unwatched.discard(channel)
                self._lookout.look(channel)


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
