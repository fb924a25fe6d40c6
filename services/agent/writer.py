"""Writes one capture's blocks to its endpoint, in order, one bulk at a time."""

import asyncio
import random
from collections.abc import Callable, Iterator

from contracts.block import Block
from services.agent.backlog import Backlog
from services.agent.failures import STORE_REFUSED, CaptureFailed
from services.agent.ledgerbook import LedgerBook
from services.packets.endpoints.port import PacketStore
from services.runtime.backoff import delays
from services.runtime.errors import StoreUnavailable
from services.runtime.logs import get

BULK = 8
"""Blocks in one insert."""


def _retries() -> Iterator[float]:
    return delays(first=0.1, most=2.0, spread=lambda: random.uniform(0.7, 1.0))  # noqa: S311


class Writer:
    """Takes blocks from the backlog and stores them. A block's name makes a retry harmless."""

    def __init__(
        self,
        backlog: Backlog,
        more: asyncio.Event,
        store: PacketStore,
        book: LedgerBook,
        retries: Callable[[], Iterator[float]] = _retries,
    ) -> None:
        self._backlog = backlog
        self._more = more
        self._store = store
        self._book = book
        self._retries = retries
        self._log = get("agent")

    async def run(self) -> None:
        """Store until the backlog is closed and empty. While the endpoint is away, try again.

        Raises CaptureFailed where the endpoint refuses a block.
        """
        while not self._backlog.drained:
            self._more.clear()
            if blocks := self._backlog.oldest(BULK):
                await self._insert(blocks)
                self._book.enter_stored(blocks)
                self._backlog.done(len(blocks))
            elif not self._backlog.drained:
                await self._more.wait()

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
        raise AssertionError("retries end never")
