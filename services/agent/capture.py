"""One capture, in a thread of its own: source → limits → blocks → backlog."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from contracts.task import Failure, StopReason
from services.agent.backlog import Backlog
from services.agent.blocks import BlockBuilder, Draft
from services.agent.failures import AGENT_ERROR, CaptureFailed
from services.agent.ledgerbook import LedgerBook
from services.agent.limits import Limiter
from services.agent.source import FEW, Frame, Source, SourceEnded
from services.runtime.logs import get

PATIENCE = 0.05
"""Seconds that one read may wait, and so long may a stop take to be heard; longer where blocks
get older."""
EMPTYING_SECONDS = 1.0
"""How long the source may take to hand over what is still in it."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a capture ended."""

    reason: StopReason
    error: Failure | None = None


class Capture:
    """Reads an open source until it is told to stop, a limit is reached, or the source ends.

    Then it lets nothing more in, reads what is in the source, and closes the last block.
    """

    def __init__(
        self,
        source: Source,
        builder: BlockBuilder,
        limiter: Limiter,
        book: LedgerBook,
        backlog: Backlog,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._builder = builder
        self._limiter = limiter
        self._book = book
        self._backlog = backlog
        self._clock = clock
        self._asked: Ending | None = None
        self._told = threading.Lock()  # held until it is told to end: waiting for it is cheap
        self._told.acquire()
        self._few = False

    def start(self, ended: Callable[[Ending], None]) -> None:
        """Run in a new thread, which calls `ended` as the last thing it does."""
        # A daemon: nothing that a source does may keep the process from ending.
        threading.Thread(
            target=lambda: ended(self.run()), name="capflow-capture", daemon=True
        ).start()

    def stop(self, ending: Ending) -> None:
        """Ask it to end; the first reason given is the one that counts. From one thread."""
        if self._asked is None:
            self._asked = ending
            self._told.release()

    def run(self) -> Ending:
        """Capture to the end."""
        try:
            ending = self._read_until_end()
            self._empty()
        except Exception as error:  # a mistake of ours ends this capture, told, and no other
            get("agent").exception("the capture thread failed")
            ending = Ending(
                StopReason.ERROR,
                Failure(code=AGENT_ERROR, detail=f"the capture broke: {error!r}"),
            )
        finally:
            self._source.close()
            self._backlog.close()
        return ending

    def _read_until_end(self) -> Ending:
        while True:
            now = self._clock()
            if self._asked:
                return self._asked
            if self._limiter.expired(now):
                return Ending(StopReason.SECONDS)
            try:
                self._take(self._read(self._patience(now)))
            except SourceEnded:
                return Ending(StopReason.SOURCE_ENDED)
            except CaptureFailed as failed:
                return Ending(StopReason.ERROR, failed.failure())
            if self._limiter.reached:
                return Ending(self._limiter.reached)

    def _read(self, patience: float) -> list[Frame]:
        """The next packets. Where few come, those that come until the open block is due are read
        together: being woken for each is most of what a quiet capture costs."""
        rest = min(patience, self._source.slack) if self._few and self._builder.due else 0.0
        if rest <= 0:
            return self._source.read(patience)
        self._told.acquire(timeout=rest)
        return self._source.read(0.0)

    def _patience(self, now: float) -> float:
        """How long the next read may wait: until the open block or the capture is due."""
        longest = max(PATIENCE, self._builder.age)
        due = min(self._builder.due or now + longest, self._limiter.deadline)
        return max(0.0, min(longest, due - now))

    def _take(self, frames: list[Frame]) -> None:
        now = self._clock()
        self._few = len(frames) < FEW
        admitted = self._limiter.admit(frames)
        self._book.enter_read(admitted, len(frames) - admitted)
        self._book.enter_kernel(self._source.statistics())
        dropped = self._book.dropped_kernel
        self._offer(self._builder.add(frames[:admitted], now, dropped))
        due = self._builder.due
        if due is not None and now >= due:
            self._offer(self._builder.flush(dropped))

    def _offer(self, drafts: list[Draft]) -> None:
        for draft in drafts:
            if not self._backlog.offer(draft):
                self._book.enter_overflow(draft.count)

    def _empty(self) -> None:
        """Read what the source has counted and not handed over, and close the last block."""
        self._source.halt()
        patience = self._clock() + EMPTYING_SECONDS
        self._book.enter_kernel(self._source.statistics())
        while self._book.unread() and self._clock() < patience:
            try:
                self._take(self._source.read(PATIENCE))
            except (SourceEnded, CaptureFailed):
                time.sleep(0.001)  # the source is broken, but the kernel still hands over
        self._book.enter_lost(self._book.unread())
        self._offer(self._builder.flush(self._book.dropped_kernel))
