"""One task, from its order to its end."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from contracts.order import Order
from contracts.spool import Spool
from contracts.task import CaptureStatus, Failure, StopReason, TaskState
from services.agent.age import BlockAge
from services.agent.backlog import Backlog
from services.agent.blocks import BlockBuilder
from services.agent.capture import Capture, Ending
from services.agent.failures import AGENT_ERROR, ENDPOINT_AWAY, CaptureFailed
from services.agent.framing import Framer
from services.agent.journal import Kept, begun
from services.agent.ledgerbook import LedgerBook
from services.agent.limits import Limiter
from services.agent.preparing import Prepared, Preparer
from services.agent.spool.folder import SpoolFolder
from services.agent.writer import Writer
from services.runtime.logs import get


@dataclass(frozen=True, slots=True)
class Workshop:
    """What every capture of this agent shares."""

    preparer: Preparer
    framer: Framer
    age: BlockAge
    room: int
    """Bytes of blocks that may wait in memory, for each capture."""
    spool: SpoolFolder
    press: Callable[[], None]
    """Called when a capture's memory runs short."""
    changed: Callable[[UUID], None]
    """Called at each change of a task's state."""


class Running:
    """A task that has been begun. `run` is its whole life; the rest can be called meanwhile."""

    def __init__(self, order: Order, workshop: Workshop) -> None:
        self.order = order
        self.earlier = begun(order)
        """What an earlier process has counted of it: nothing."""
        self.begun = asyncio.Event()
        """Set once the capture runs, or has ended without."""
        self._workshop = workshop
        self._loop = asyncio.get_running_loop()
        self._more = asyncio.Event()
        self._book = LedgerBook()
        self.backlog = Backlog(order.session, workshop.room, self._wake)
        self._laid_by = False
        self._capture: Capture | None = None
        self._asked: Ending | None = None
        self._writing: asyncio.Task[None] | None = None
        self._status = CaptureStatus(order=order, state=TaskState.REQUESTED)

    def status(self) -> CaptureStatus:
        """How it stands, with the ledger of this moment."""
        update = {"ledger": self._book.ledger(), "spool": self.figures()}
        return self._status.model_copy(update=update)

    def kept(self) -> Kept:
        """What is written down of it."""
        sealed = self._status.stop_reason is not None and self.backlog.safe
        return Kept(**dict(self.status()), next_block=self.backlog.head, sealed=sealed)

    def figures(self) -> Spool:
        """What of it waits on disk."""
        return self.backlog.figures(self._workshop.spool.room.left, self._book.overflowed)

    def stop(self, reason: StopReason, error: Failure | None = None) -> None:
        """Ask it to end; the first reason is the one that counts."""
        ending = Ending(reason, error)
        self._asked = self._asked or ending
        if self._capture is not None:
            self._capture.stop(ending)
            if self._status.state is TaskState.RUNNING:
                self._become(TaskState.STOPPING, stop_reason=reason)

    def give_up(self) -> None:
        """Wait no longer for the endpoint: what it has not taken is left in the spool, or, where
        that has no room, lost and counted."""
        if self._writing is not None and not self.backlog.drained:
            self._writing.cancel()

    async def run(self) -> Kept:
        """Start, capture, store, end. Never fails: what goes wrong is in what is returned, which
        has not ended where something is left in the spool for the next start."""
        try:
            ending = await self._live()
        except CaptureFailed as failed:
            ending = Ending(StopReason.ERROR, failed.failure())
        except Exception as error:  # a mistake of ours ends this task, told, and no other
            get("agent").exception("a capture failed", session=self.order.session)
            ending = Ending(
                StopReason.ERROR, Failure(code=AGENT_ERROR, detail=f"the agent failed: {error!r}")
            )
        finally:
            self._let_nothing_outlive()
        if not self._laid_by:
            self._end(ending)
        return self.kept()

    async def _live(self) -> Ending:
        prepared = await self._workshop.preparer.prepare(self.order)
        if self._asked:
            return self._asked
        started_at = datetime.now(UTC)
        await asyncio.to_thread(prepared.source.open, prepared.screen)
        self._put_spool_under(prepared)
        with self._workshop.age.shared():
            ended = self._begin(prepared)
            self._become(TaskState.RUNNING, started_at=started_at, **prepared.watched())
            return await self._store(prepared, ended)

    def _put_spool_under(self, prepared: Prepared) -> None:
        spool, press = self._workshop.spool, self._workshop.press
        shelf = spool.shelf(self.order, prepared.linktype, prepared.interface)
        if shelf is not None:
            self.backlog.rest_on(shelf, lambda: self._from_thread(press))

    def _begin(self, prepared: Prepared) -> asyncio.Future[Ending]:
        ended: asyncio.Future[Ending] = self._loop.create_future()
        self._capture = Capture(
            prepared.source,
            BlockBuilder(self._workshop.framer, self._workshop.age),
            Limiter(self.order.limits, time.monotonic()),
            self._book,
            self.backlog,
        )
        self._capture.start(lambda ending: self._from_thread(_settle, ended, ending))
        if self._asked:
            self._capture.stop(self._asked)
        return ended

    async def _store(self, prepared: Prepared, ended: asyncio.Future[Ending]) -> Ending:
        """Write blocks until the capture has ended and all of them are stored or given up."""
        spool = self._workshop.spool
        writer = Writer(self.backlog, self._more, prepared.store, self._book, spool)
        self._writing = asyncio.create_task(writer.run())
        first: list[asyncio.Future[Any]] = [self._writing, ended]
        await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        if not ended.done():
            self._stop_for_writer()
        ending = await ended
        if not self._writing.done():
            self._become(TaskState.STOPPING, stop_reason=ending.reason, error=ending.error)
            await asyncio.wait({self._writing})
        return await self._after_writing(ending)

    def _stop_for_writer(self) -> None:
        """The writer has failed, so there is nothing to capture for."""
        if self._capture is not None:
            self._capture.stop(Ending(StopReason.ERROR))

    async def _after_writing(self, ending: Ending) -> Ending:
        assert self._writing is not None
        if self._writing.cancelled():
            return await self._lay_by(ending)
        if error := self._writing.exception():
            self._book.enter_abandoned(await self._workshop.spool.call(self.backlog.abandon))
            raise error
        return ending

    async def _lay_by(self, ending: Ending) -> Ending:
        """Leave what is not stored in the spool, for the next start."""
        await self._workshop.spool.call(self._spill)
        self._laid_by = self.backlog.on_disk
        lost = self.backlog.abandon_memory()
        if not lost and self._laid_by:
            return ending
        self._book.enter_abandoned(lost)
        detail = f"the endpoint was away to the end: {lost} packets could not be stored"
        error = Failure(code=ENDPOINT_AWAY, detail=detail)
        self._status = self._status.model_copy(update={"error": error})
        return Ending(ending.reason, error)

    def _spill(self) -> None:
        if self.backlog.spillable:
            try:
                self.backlog.spill()
            except OSError as error:
                get("agent").error("the spool's disk fails", error=str(error))

    def _become(self, state: TaskState, **fields: object) -> None:
        self._status = self._status.model_copy(update={"state": state, **fields})
        self.begun.set()
        self._workshop.changed(self.order.task_id)

    def _end(self, ending: Ending) -> None:
        failed = ending.reason is StopReason.ERROR
        self._status = self._status.model_copy(
            update={
                "state": TaskState.FAILED if failed else TaskState.STOPPED,
                "stop_reason": ending.reason,
                "error": ending.error,
                "stopped_at": datetime.now(UTC),
            }
        )
        self.begun.set()

    def _let_nothing_outlive(self) -> None:
        """However this task ends, its thread and its writer end too."""
        if self._capture is not None:
            self._capture.stop(Ending(StopReason.ERROR))
        if self._writing is not None:
            self._writing.cancel()

    def _wake(self) -> None:
        self._from_thread(self._more.set)

    def _from_thread(self, call: Callable[..., object], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(call, *arguments)
        except RuntimeError:
            return  # the loop is closed: nobody is left to hear of it


def _settle(ended: asyncio.Future[Ending], ending: Ending) -> None:
    if not ended.done():
        ended.set_result(ending)
