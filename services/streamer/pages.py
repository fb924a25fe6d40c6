"""Blocks read from a store by number, a page at a time, shared by viewers at the same place."""

import asyncio
from collections import OrderedDict
from weakref import WeakValueDictionary

from contracts.block import Block
from services.packets.endpoints.port import PacketStore
from services.streamer.metrics import Metrics
from services.streamer.ring import Entry

PAGE = 8
"""Blocks read at once: 8 MiB at most."""
_READS = 4
"""Reads under way at once, however many viewers are behind."""

_Place = tuple[str, int]


class Pages:
    """The pages read last, in bounded memory: of more than `limit` bytes the oldest go."""

    def __init__(self, limit: int, metrics: Metrics) -> None:
        self._limit = limit
        self._metrics = metrics
        self._kept: OrderedDict[_Place, list[Entry]] = OrderedDict()
        self._locks: WeakValueDictionary[_Place, asyncio.Lock] = WeakValueDictionary()
        self._reads = asyncio.Semaphore(_READS)

    async def entry(self, store: PacketStore, session: str, number: int) -> Entry | None:
        """The first stored block from block `number` on. Raises StoreUnavailable.

        A block that the store does not have yet is looked for anew each time.
        """
        for entry in await self._page(store, (session, number // PAGE)):
            if entry.block.block >= number:
                return entry
        after = await self.read(store, session, number, 1)
        return Entry(after[0]) if after else None

    async def read(
        self, store: PacketStore, session: str, start: int, limit: int = PAGE
    ) -> list[Block]:
        """Up to `limit` blocks from number `start`, as the store has them now."""
        async with self._reads:
            blocks = await store.read_blocks(session, start, limit=limit)
        self._metrics.read.labels(store.type).inc(len(blocks))
        return blocks

    def forget(self, session: str) -> None:
        """Keep nothing of a session."""
        for place in [place for place in self._kept if place[0] == session]:
            del self._kept[place]

    async def _page(self, store: PacketStore, place: _Place) -> list[Entry]:
        lock = self._locks.get(place)
        if lock is None:
            lock = self._locks[place] = asyncio.Lock()
        async with lock:  # the first reads, the others find it read
            if place in self._kept:
                self._kept.move_to_end(place)
                return self._kept[place]
            session, page = place
            entries = [Entry(block) for block in await self.read(store, session, page * PAGE)]
            if len(entries) == PAGE and entries[-1].block.block == (page + 1) * PAGE - 1:
                self._keep(place, entries)
            return entries

    def _keep(self, place: _Place, entries: list[Entry]) -> None:
        self._kept[place] = entries
        size = sum(entry.size for page in self._kept.values() for entry in page)
        while size > self._limit and len(self._kept) > 1:
            _, gone = self._kept.popitem(last=False)
            size -= sum(entry.size for entry in gone)
