"""A task whose agent was restarted: what the spool holds of it is stored, and then it has ended."""

import asyncio
from collections.abc import Callable, Sequence
from uuid import UUID

from contracts.block import Block
from contracts.order import Order
from contracts.spool import Spool
from contracts.task import CaptureStatus, Failure, StopReason, TaskState
from services.agent.backlog import Backlog
from services.agent.failures import CaptureFailed
from services.agent.groupcommit import BlockStore
from services.agent.journal import Kept, restarted
from services.agent.spool.folder import SpoolFolder
from services.agent.spool.shelf import Shelf
from services.agent.writer import Writer
from services.runtime.logs import get

StoreOf = Callable[[Order], BlockStore]
"""The endpoint of an order. Raises CaptureFailed."""


class Recovering:
    """Stores what is left of a task. It captures nothing, so a stop has nothing to stop."""

    def __init__(
        self,
        last: Kept,
        shelf: Shelf,
        spool: SpoolFolder,
        store_of: StoreOf,
        changed: Callable[[UUID], None],
    ) -> None:
        self.order = last.order
        self.backlog = Backlog(last.order.session, 0, lambda: None)
        self.backlog.take_up(shelf, 0)
        self._shelf = shelf
        self._spool = spool
        self._store_of = store_of
        self._changed = changed
        self._writing: asyncio.Task[None] | None = None
        reason = last.stop_reason if last.sealed else StopReason.AGENT_RESTARTED
        captured = max(last.ledger.captured, shelf.next)
        self._kept = last.model_copy(
            update={
                "state": TaskState.STOPPING,
                "stop_reason": reason,
                "ledger": last.ledger.model_copy(update={"captured": captured}),
                "recovered": True,
            }
        )
        self.earlier = self._kept
        """How it stood: what an earlier process has counted of it."""

    def status(self) -> CaptureStatus:
        """How it stands."""
        return self.kept()

    def kept(self) -> Kept:
        """What is written down of it."""
        return self._kept.model_copy(update={"spool": self.figures()})

    def figures(self) -> Spool:
        """What of it waits on disk, and what has been lost of it, in whichever process."""
        lost = self.earlier.spool or Spool()
        figures = self.backlog.figures(self._spool.room.left, lost.dropped)
        return figures.model_copy(update={"damaged": lost.damaged + figures.damaged})

    def stop(self, reason: StopReason, error: Failure | None = None) -> None:
        """It has stopped."""

    def give_up(self) -> None:
        """Wait no longer for the endpoint: what it has not taken stays in the spool."""
        if self._writing is not None:
            self._writing.cancel()

    async def run(self) -> Kept:
        """Store what is left. Never fails: what goes wrong is in what is returned, which has not
        ended where something is left for the next start."""
        try:
            writer = Writer(
                self.backlog, asyncio.Event(), self._store_of(self.order), self, self._spool
            )
            self._writing = asyncio.create_task(writer.run())
            await asyncio.wait({self._writing})
            if self._writing.cancelled():
                return self.kept()
            self._writing.result()
        except CaptureFailed as failed:
            return await self._refused(failed)
        finally:
            self.give_up()
        return restarted(self.kept())

    def enter_stored(self, blocks: Sequence[Block]) -> None:
        """As `Book`: blocks that the ledger does not have yet."""
        kept, new = self._kept, [one for one in blocks if one.block >= self._kept.next_block]
        last = blocks[-1]
        ledger = kept.ledger.model_copy(
            update={
                "stored": kept.ledger.stored + sum(block.count for block in new),
                "blocks": kept.ledger.blocks + len(new),
                "bytes": kept.ledger.bytes + sum(block.size for block in new),
                "captured": max(kept.ledger.captured, last.next),
                "dropped_kernel": max(kept.ledger.dropped_kernel, last.dropped),
            }
        )
        next_block = max(kept.next_block, last.block + 1)
        self._kept = kept.model_copy(update={"ledger": ledger, "next_block": next_block})

    def enter_damaged(self, packets: int) -> None:
        """As `Book`: the shelf counts them, and the end settles the ledger."""

    async def _refused(self, failed: CaptureFailed) -> Kept:
        await self._spool.call(self.backlog.abandon)
        get("agent").error("what was left cannot be stored", error=failed.detail)
        ended = restarted(self.kept())
        failure = {"state": TaskState.FAILED, "error": failed.failure()}
        return ended.model_copy(update=failure)
