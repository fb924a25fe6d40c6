"""The feed of a SQLite endpoint: told by the store itself after each commit."""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress

from services.packets.endpoints.port import (
    BlockStored,
    Change,
    HistoryLost,
    SessionChanged,
    SessionRemoved,
)

MAX_WAITING_BYTES = 64 << 20
"""Above it everything that waits is dropped for one HistoryLost: the reader reads the store."""

_IDLE_SECONDS = 1.0
_RECORD_BYTES = 1024


class SqliteFeed:
    """A `Feed`; read by one task."""

    def __init__(self, max_waiting_bytes: int = MAX_WAITING_BYTES) -> None:
        self._max_waiting = max_waiting_bytes
        self._watching: frozenset[str] = frozenset()
        self._waiting: list[Change] = []
        self._waiting_bytes = 0
        self._something = asyncio.Event()
        self.overflows = 0
        """How often changes were dropped because nobody took them."""
        self.closed = False

    def watch(self, sessions: Collection[str]) -> None:
        """Carry changes of these sessions and of no others; at once."""
        self._watching = frozenset(sessions)
        self._waiting = [change for change in self._waiting if self._carries(change)]
        self._waiting_bytes = sum(_bytes_of(change) for change in self._waiting)
        self._something.set()

    @property
    def watching(self) -> frozenset[str]:
        """The sessions whose changes are carried."""
        return self._watching

    async def changes(self) -> Sequence[Change]:
        """The next changes, in order."""
        if not self.closed:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._something.wait(), _IDLE_SECONDS)
        self._something.clear()
        taken, self._waiting, self._waiting_bytes = self._waiting, [], 0
        return [] if self.closed else taken

    async def close(self) -> None:
        """End the feed."""
        self.closed = True
        self._something.set()

    def offer(self, change: Change) -> None:
        """Take a change that was committed; of sessions not watched it is nothing."""
        if self.closed or not self._carries(change):
            return
        self._waiting.append(change)
        self._waiting_bytes += _bytes_of(change)
        if self._waiting_bytes > self._max_waiting:
            self._overflow()
        self._something.set()

    def _overflow(self) -> None:
        self.overflows += 1
        self._waiting, self._waiting_bytes = [HistoryLost()], 0

    def _carries(self, change: Change) -> bool:
        session = _session_of(change)
        return session is None or session in self._watching


def _session_of(change: Change) -> str | None:
    match change:
        case BlockStored(block):
            return block.session
        case SessionChanged(capture):
            return capture.session
        case SessionRemoved(session):
            return session
        case HistoryLost():
            return None


def _bytes_of(change: Change) -> int:
    return len(change.block.data) if isinstance(change, BlockStored) else _RECORD_BYTES
