"""Blocks read from a store by number, a page at a time, shared by viewers at the same place."""

import asyncio
from collections import OrderedDict
from weakref import WeakValueDictionary

from contracts.block import Block
from services.packets.endpoints.port import PacketStore
from services.streamer.metrics import Metrics

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
        self._size = 0
        self._kept: OrderedDict[_Place, list[Block]] = OrderedDict()
        self._locks: WeakValueDictionary[_Place, asyncio.Lock] = WeakValueDictionary()
        self._reads = asyncio.Semaphore(_READS)

    async def block(self, store: PacketStore, session: str, number: int) -> Block | None:
        """The first stored block from block `number` on. Raises StoreUnavailable.

        A block that the store does not have yet is looked for anew each time.
        """
        page = await self._page(store, (session, number // PAGE))
        for block in page:
            if block.block >= number:
                return block
        after = await self.read(store, session, number, 1)
        return after[0] if after else None

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
            self._size -= _bytes(self._kept.pop(place))

    async def _page(self, store: PacketStore, place: _Place) -> list[Block]:
        lock = self._locks.get(place)
        if lock is None:
            lock = self._locks[place] = asyncio.Lock()
        async with lock:  # the first reads, the others find it read
            if place in self._kept:
                self._kept.move_to_end(place)
                return self._kept[place]
            session, page = place
            blocks = await self.read(store, session, page * PAGE)
            whole = [block for block in blocks if block.block < (page + 1) * PAGE]
            if len(whole) == PAGE:
                self._keep(place, whole)
            return blocks

    def _keep(self, place: _Place, blocks: list[Block]) -> None:
        self._kept[place] = blocks
        self._size += _bytes(blocks)
        while self._size > self._limit and len(self._kept) > 1:
            _, gone = self._kept.popitem(last=False)
            self._size -= _bytes(gone)


def _bytes(blocks: list[Block]) -> int:
    return sum(len(block.data) for block in blocks)
