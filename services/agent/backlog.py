"""Blocks that wait for their endpoint, in bounded memory.

The policy when it is full is drop-newest: what waits is kept, what comes is refused and counted.
A block gets its number when it is let in, so what is refused leaves no hole among the blocks.
"""

import threading
from collections import deque
from collections.abc import Callable
from itertools import islice

from contracts.block import Block
from services.agent.blocks import Draft

OVERHEAD = 512
"""Bytes that a block takes beside its data."""


class Backlog:
    """A queue of blocks from the capture thread to the writer on the event loop."""

    def __init__(self, session: str, room: int, wake: Callable[[], None]) -> None:
        self._session = session
        self._room = room
        self._wake = wake
        self._lock = threading.Lock()
        self._blocks: deque[Block] = deque()
        self._admitted = 0
        self._closed = False
        self.bytes = 0
        """What the blocks that wait take."""

    def offer(self, draft: Draft) -> bool:
        """Let a block in at the end and give it its number; False where there is no room."""
        size = len(draft.data) + OVERHEAD
        with self._lock:
            if self._closed or self.bytes + size > self._room:
                return False
            self._blocks.append(draft.numbered(self._session, self._admitted))
            self._admitted += 1
            self.bytes += size
        self._wake()
        return True

    def oldest(self, most: int) -> list[Block]:
        """The oldest blocks, at most so many; they stay until `done`."""
        with self._lock:
            return list(islice(self._blocks, most))

    def done(self, count: int) -> None:
        """The oldest `count` blocks are stored."""
        with self._lock:
            for _ in range(count):
                self.bytes -= len(self._blocks.popleft().data) + OVERHEAD

    def close(self) -> None:
        """Nothing more comes in."""
        with self._lock:
            self._closed = True
        self._wake()

    @property
    def drained(self) -> bool:
        """Whether nothing waits and nothing more comes."""
        with self._lock:
            return self._closed and not self._blocks

    def abandon(self) -> int:
        """Close, and give up what waits: how many packets that is."""
        with self._lock:
            self._closed = True
            packets = sum(block.count for block in self._blocks)
            self._blocks.clear()
            self.bytes = 0
        self._wake()
        return packets
