"""Running captures followed for live exports: one feed an endpoint, opened when it is needed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from contracts.task import Capture
from services.gateway.followed import Followed
from services.gateway.metrics import Metrics
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
from services.runtime.errors import StoreUnavailable


class Following:
    """The captures that are followed, and the feeds behind them.

    A feed wakes who waits, and brings the newest blocks; what it missed is read from the store by
    number. So a feed that is away, late or has lost its history costs time and no packet.
    """

    def __init__(self, endpoints: Endpoints, metrics: Metrics) -> None:
        self.sessions: dict[str, Followed] = {}
        self.began = asyncio.Event()
        """Set when a capture is followed that was not before."""
        self._endpoints = endpoints
        self._metrics = metrics
        self._feeds: dict[str, Feed] = {}
        self._closing = False
        self._reading: set[asyncio.Task[None]] = set()
        self._begun = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Follow while the block runs. A read of a feed is never cancelled, but returns when the
        feed is closed."""
        try:
            yield
        finally:
            self.hang_up()
            for feed in self._feeds.values():
                await feed.close()
            await asyncio.gather(*self._reading, return_exceptions=True)

    async def watch(self) -> None:
        """Raise what ended the reading of a feed. Runs until cancelled."""
        while True:
            self._begun.clear()
            begun = asyncio.create_task(self._begun.wait())
            try:
                await asyncio.wait({begun, *self._reading}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                begun.cancel()
            for task in [task for task in self._reading if task.done()]:
                self._reading.discard(task)
                task.result()

    def hang_up(self) -> None:
        """End every live export, and each that begins later."""
        self._closing = True
        for followed in self.sessions.values():
            followed.close()

    @contextmanager
    def of(self, capture: Capture) -> Iterator[Followed]:
        """Follow a capture while the block runs."""
        followed = self._enter(capture)
        followed.readers += 1
        try:
            yield followed
        finally:
            followed.readers -= 1
            if not followed.readers:
                del self.sessions[capture.session]
                self._arrange()

    def _enter(self, capture: Capture) -> Followed:
        followed = self.sessions.get(capture.session)
        if followed is None:
            followed = self.sessions[capture.session] = Followed(capture)
            followed.closed = self._closing
            self._arrange()
            self.began.set()
        return followed

    def _arrange(self) -> None:
        """Let each feed carry what is followed, and open those that are needed first now."""
        for name, store in self._endpoints.items():
            wanted = [s for s, each in self.sessions.items() if self._carries(name, each)]
            if wanted and name not in self._feeds and not self._closing:
                self._open(name, store.feed())
            if name in self._feeds:
                self._feeds[name].watch(wanted)

    def _open(self, name: str, feed: Feed) -> None:
        self._feeds[name] = feed
        self._reading.add(asyncio.create_task(self._read(name, feed)))
        self._begun.set()

    def _carries(self, name: str, followed: Followed) -> bool:
        """Whether an endpoint's feed tells of a capture; the first has all records."""
        return name in (self._endpoints.first_name, followed.capture.endpoint.name)

    async def _read(self, name: str, feed: Feed) -> None:
        waits = delays()
        watching: frozenset[str] = frozenset()
        while not self._closing:
            try:
                changes = await feed.changes()
            except StoreUnavailable as error:
                logs.get("gateway").warning("a feed is away", endpoint=name, reason=str(error))
                self._metrics.feeds.labels(name, "away").inc()
                await asyncio.sleep(next(waits))
                continue
            waits = delays()
            for change in changes:
                self._dispatch(name, change)
            if feed.watching != watching:  # what came before it was carried is in the store
                self._ring_all(feed.watching - watching)
                watching = feed.watching

    def _dispatch(self, name: str, change: Change) -> None:
        match change:
            case BlockStored(block):
                if (followed := self.sessions.get(block.session)) is not None:
                    followed.arrive(block)
            case SessionChanged(capture):
                if (followed := self.sessions.get(capture.session)) is not None:
                    followed.record(capture)
            case SessionRemoved(session):
                if (followed := self.sessions.get(session)) is not None:
                    followed.vanish()
            case HistoryLost():
                self._metrics.feeds.labels(name, "history-lost").inc()
                self._ring_all(self.sessions)

    def _ring_all(self, sessions: "frozenset[str] | dict[str, Followed]") -> None:
        for session in sessions:
            if session in self.sessions:
                self.sessions[session].ring()
