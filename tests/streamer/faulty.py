"""A packet store that goes away, forgets, and keeps silent, when a test says so."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

from services.packets.endpoints.opening import Endpoints
from services.packets.endpoints.port import BlockStored, Change, Feed, HistoryLost, PacketStore
from services.runtime.errors import StoreUnavailable


class Faults:
    """What is wrong at the moment."""

    def __init__(self) -> None:
        self.away = False
        """Every read raises StoreUnavailable, and the feed too."""
        self.silent = False
        """The feed keeps blocks to itself."""
        self.frozen = False
        """The feed never answers again."""
        self.lost = asyncio.Event()
        """The feed tells once that it lost its history."""
        self.once_stored: Callable[[], Awaitable[None]] | None = None
        """What happens once, just after the store has said how much it holds."""


class FaultyFeed:
    """A feed with faults."""

    def __init__(self, feed: Feed, faults: Faults) -> None:
        self._feed = feed
        self._faults = faults

    def watch(self, sessions: Collection[str]) -> None:
        self._feed.watch(sessions)

    @property
    def watching(self) -> frozenset[str]:
        return self._feed.watching

    async def changes(self) -> Sequence[Change]:
        if self._faults.away:
            raise StoreUnavailable("the store is away")
        if self._faults.frozen:
            await asyncio.Event().wait()
        changes: Sequence[Change] = await self._feed.changes()
        if self._faults.silent:
            changes = [change for change in changes if not isinstance(change, BlockStored)]
        if self._faults.lost.is_set():
            self._faults.lost.clear()
            return [HistoryLost(), *changes]
        return changes

    async def close(self) -> None:
        if self._faults.frozen:
            await asyncio.Event().wait()
        await self._feed.close()


class FaultyStore:
    """A store with faults."""

    def __init__(self, store: PacketStore, faults: Faults) -> None:
        self._store = store
        self._faults = faults

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def feed(self) -> FaultyFeed:
        return FaultyFeed(self._store.feed(), self._faults)

    async def read_blocks(self, *arguments: Any, **more: Any) -> Any:
        return await self._unless_away(self._store.read_blocks(*arguments, **more))

    async def stored(self, session: str) -> Any:
        stored = await self._unless_away(self._store.stored(session))
        happens, self._faults.once_stored = self._faults.once_stored, None
        if happens is not None:
            await happens()
        return stored

    async def session(self, session: str) -> Any:
        return await self._unless_away(self._store.session(session))

    async def _unless_away(self, read: Any) -> Any:
        if self._faults.away:
            read.close()
            raise StoreUnavailable("the store is away")
        return await read


def with_faults(endpoints: Endpoints) -> tuple[Endpoints, Faults]:
    """The same endpoints, with faults."""
    faults = Faults()
    faulty: Any = {name: FaultyStore(store, faults) for name, store in endpoints.items()}
    return Endpoints(faulty), faults
