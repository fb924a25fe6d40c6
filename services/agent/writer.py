"""Writes one capture's blocks to its endpoint, in order, one bulk at a time."""

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from contracts.block import Block
from services.agent.backlog import Backlog
from services.agent.failures import STORE_REFUSED, CaptureFailed
from services.agent.groupcommit import BlockStore
from services.agent.spool.folder import SpoolFolder
from services.agent.spool.reader import Reading
from services.runtime.backoff import delays
from services.runtime.errors import StoreUnavailable
from services.runtime.logs import get

BULK = 8
"""Blocks in one insert."""


class Book(Protocol):
    """Where what becomes of blocks is entered."""

    def enter_stored(self, blocks: Sequence[Block]) -> None:
        """Blocks that the endpoint has acknowledged."""

    def enter_damaged(self, packets: int) -> None:
        """Packets that could not be read back from disk."""


def _retries() -> Iterator[float]:
    return delays(first=0.1, most=2.0, spread=lambda: random.uniform(0.7, 1.0))  # noqa: S311


class Writer:
    """Takes blocks from the backlog and stores them. A block's name makes a retry harmless."""

    def __init__(
        self,
        backlog: Backlog,
        more: asyncio.Event,
        store: BlockStore,
        book: Book,
        spool: SpoolFolder,
        retries: Callable[[], Iterator[float]] = _retries,
    ) -> None:
        self._backlog = backlog
        self._more = more
        self._store = store
        self._book = book
        self._spool = spool
        self._retries = retries
        self._log = get("agent")

    async def run(self) -> None:
        """Store until the backlog is closed and empty. While the endpoint is away, try again.

        Raises CaptureFailed where the endpoint refuses a block.
        """
        while not self._backlog.drained:
            self._more.clear()
            blocks, upto = await self._next()
            if blocks:
                await self._insert(blocks)
                self._book.enter_stored(blocks)
            if upto > self._backlog.head:
                self._backlog.done(blocks, upto)
            await self._tidy()
            if not blocks and not self._backlog.on_disk and not self._backlog.drained:
                await self._more.wait()
        await self._tidy()

    async def _next(self) -> Reading:
        """The oldest blocks, from disk while some wait there."""
        if not self._backlog.on_disk:
            blocks = self._backlog.oldest(BULK)
            return Reading(blocks, blocks[-1].block + 1 if blocks else self._backlog.head)
        for delay in self._retries():
            try:
                return await self._spool.call(self._backlog.read, BULK)
            except OSError as error:
                self._log.warning("the spool cannot be read now", error=str(error))
            await asyncio.sleep(delay)
        raise AssertionError("retries never end")

    async def _tidy(self) -> None:
        if self._backlog.untidy and (lost := await self._spool.call(self._backlog.tidy)):
            self._book.enter_damaged(lost)
            self._log.error("a file of the spool was damaged", packets=lost)

    async def _insert(self, blocks: list[Block]) -> None:
        for delay in self._retries():
            try:
                return await self._store.insert_blocks(blocks)
            except StoreUnavailable as error:
                self._log.warning(
                    "the endpoint is away, blocks wait", session=blocks[0].session,
                    bytes=self._backlog.bytes, retry_in=round(delay, 2), error=str(error),
                )  # fmt: skip
            except Exception as error:
                raise CaptureFailed(
                    STORE_REFUSED, f"the endpoint refuses what was captured: {error}"
                ) from error
            await asyncio.sleep(delay)
        raise AssertionError("retries never end")
