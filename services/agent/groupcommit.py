"""Blocks of many captures are stored together.

An insert costs agent and store the same for one small block as for many: a round trip, a hand-over
to the driver's thread, a flush of the journal. What is given while inserts are under way goes
together with the next one, so that many quiet captures take no more inserts than a busy one.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Protocol

from contracts.block import Block
from services.runtime.errors import StoreUnavailable

_UNDER_WAY = 2
"""Inserts at once: one is prepared while the store writes the other."""
_APART = 0.008
"""Seconds from the begin of one insert to that of the next: 125 a second."""
_MOST_BYTES = 8 << 20
"""What goes into one insert, or the blocks of one capture."""


class BlockStore(Protocol):
    """Where blocks are stored: an endpoint, or several captures' way to it."""

    async def insert_blocks(self, blocks: Sequence[Block]) -> None:
        """As `PacketStore`."""


Given = tuple[Sequence[Block], asyncio.Future[None]]
"""One capture's blocks, and who waits for them to be stored."""


class GroupCommit:
    """Inserts into an endpoint, shared by the captures that store there.

    Each call has an outcome of its own: blocks that are refused spoil nobody else's. What waits is
    bounded by the callers, each of which waits for its own blocks.
    """

    def __init__(self, store: BlockStore) -> None:
        self._store = store
        self._waiting: list[Given] = []
        self._inserting: set[asyncio.Task[None]] = set()
        self._next_turn = 0.0

    async def insert_blocks(self, blocks: Sequence[Block]) -> None:
        """As `PacketStore`."""
        stored = asyncio.get_running_loop().create_future()
        self._waiting.append((blocks, stored))
        if len(self._inserting) < _UNDER_WAY:
            task = asyncio.create_task(self._insert_all())
            self._inserting.add(task)
            task.add_done_callback(self._inserting.discard)
        await stored

    async def _insert_all(self) -> None:
        while self._waiting:
            await self._turn()
            # What its writer has given up is counted as lost or left in the spool: not stored now.
            self._waiting = [given for given in self._waiting if not given[1].done()]
            if self._waiting:  # another turn may have taken them
                await self._insert(self._next_group())

    async def _turn(self) -> None:
        """Wait until the next insert may begin."""
        now = asyncio.get_running_loop().time()
        turn = max(now, self._next_turn)
        self._next_turn = turn + _APART
        await asyncio.sleep(turn - now)

    def _next_group(self) -> list[Given]:
        """The oldest calls, as many as go together; one at least."""
        size = 0
        for number, (blocks, _) in enumerate(self._waiting):
            size += sum(len(block.data) for block in blocks)
            if number and size > _MOST_BYTES:
                break
        else:
            number = len(self._waiting)
        group, self._waiting = self._waiting[:number], self._waiting[number:]
        return group

    async def _insert(self, group: list[Given]) -> None:
        try:
            await self._store.insert_blocks([block for blocks, _ in group for block in blocks])
        except StoreUnavailable as error:
            _settle(group, error)
        except Exception as error:
            if len(group) == 1:
                return _settle(group, error)
            for one in group:  # nothing is known of the others
                await self._insert([one])
        else:
            _settle(group, None)


def _settle(group: Iterable[Given], error: Exception | None) -> None:
    for _, stored in group:
        if stored.done():
            continue  # who gave these waits no more
        if error is None:
            stored.set_result(None)
        else:
            stored.set_exception(error)
