"""Blocks that wait for their endpoint: a queue whose newer part is memory and whose older part,
while the endpoint is away or slow, is disk.

The policy when both are full is drop-newest: what waits is kept, what comes is refused and counted.
A block gets its number when it is let in, so what is refused leaves no hole among the blocks, and
the queue is a range of numbers: blocks from `head` on wait, those from `_memory` on in memory, and
those between on disk.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice

from contracts.block import Block
from contracts.spool import Spool
from services.agent.blocks import Draft
from services.agent.spool.reader import Reading
from services.agent.spool.shelf import Shelf

OVERHEAD = 512
"""Bytes that a block takes beside its data."""
PATIENCE = 0.4
"""Seconds that a block waits in memory before it goes to disk; a look every tenth of a second
makes that half a second at most."""
_CHUNK = 8
"""Blocks written before their memory is given back."""


class Backlog:
    """A queue of blocks from the capture thread to the writer on the event loop."""

    def __init__(
        self,
        session: str,
        room: int,
        wake: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session = session
        self._room = room
        self._wake = wake
        self._clock = clock
        self._shelf: Shelf | None = None
        self._press: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self._spilling = threading.Lock()
        self._blocks: deque[tuple[Block, float]] = deque()
        self._memory = self._admitted = 0
        self._moving: int | None = None  # the first block that is just being written to disk
        self._closed = False
        self.head = 0
        """Number of the block that is stored next."""
        self.bytes = 0
        """What the blocks in memory take."""

    def rest_on(self, shelf: Shelf, press: Callable[[], None]) -> None:
        """Let blocks that wait long go to disk; `press` is called when memory runs short."""
        self._shelf, self._press = shelf, press

    def take_up(self, shelf: Shelf, head: int) -> None:
        """Be what an earlier start has left on disk, from block `head` on, and nothing more."""
        self._shelf, self._closed = shelf, True
        self._memory = self._admitted = max(head, shelf.end)
        self.head = head

    # --- on the capture thread ---

    def offer(self, draft: Draft) -> bool:
        """Let a block in at the end and give it its number; False where there is no room."""
        size = len(draft.data) + OVERHEAD
        with self._lock:
            if self._closed or self.bytes + size > self._room:
                return False
            block = draft.numbered(self._session, self._admitted)
            self._blocks.append((block, self._clock()))
            self._admitted += 1
            self.bytes += size
            short = self._short
        self._wake()
        if short:
            self._press()
        return True

    def close(self) -> None:
        """Nothing more comes in."""
        with self._lock:
            self._closed = True
        self._wake()

    # --- the writer's ---

    @property
    def on_disk(self) -> bool:
        """Whether the next block must be read from disk."""
        return self.head < self._memory

    def oldest(self, most: int) -> list[Block]:
        """The oldest blocks, at most so many, while none waits on disk; they stay until `done`."""
        with self._lock:
            if self.head < self._memory:
                return []
            return [block for block, _ in islice(self._blocks, most)]

    def read(self, most: int) -> Reading:
        """The oldest blocks on disk, at most so many. Not on the event loop."""
        assert self._shelf is not None
        return self._shelf.read(self.head, self._memory, most)

    def done(self, blocks: Sequence[Block], upto: int) -> None:
        """These are stored, and every other below number `upto` is, or cannot be read back."""
        with self._lock:
            for block in blocks:
                if block.block < self._memory:
                    self._stored_from_disk(block)
                else:
                    self._drop_oldest()
            self.head = upto
            self._memory = max(self._memory, upto)

    @property
    def untidy(self) -> bool:
        """Whether a file on disk has been stored whole."""
        return self._shelf is not None and self._shelf.done(self._settled())

    def tidy(self) -> int:
        """Remove such files; how many packets in them could not be read back. In a thread."""
        return self._shelf.tidy(self._settled()) if self._shelf is not None else 0

    @property
    def drained(self) -> bool:
        """Whether nothing waits and nothing more comes."""
        with self._lock:
            return self._closed and self.head >= self._admitted

    # --- the spiller's ---

    @property
    def spillable(self) -> bool:
        """Whether there is a disk for it."""
        return self._shelf is not None

    def due(self, now: float) -> bool:
        """Whether blocks should go from memory to disk."""
        with self._lock:
            if self._shelf is None or not self._blocks:
                return False
            return self._short or now - self._blocks[0][1] >= PATIENCE

    def spill(self) -> bool:
        """Write what is in memory to disk, and flush it; whether there was room. In a thread.

        Raises OSError where the disk fails; what could not be written stays in memory.
        """
        assert self._shelf is not None
        with self._spilling:
            upto = self._admitted
            try:
                while self._memory < upto and self.bytes:
                    if not self._spill_some(self._shelf):
                        return False
            finally:
                self._shelf.sync()
                self._wake()
        return True

    # --- anybody's ---

    @property
    def safe(self) -> bool:
        """Whether nothing more comes and all that waits is on disk, flushed."""
        with self._lock:
            shelved = self._shelf is not None and self._shelf.clean
            return self._closed and not self._blocks and shelved

    def figures(self, room: int, dropped: int) -> Spool:
        """What waits on disk, where there is `room` for so many bytes more and so many packets
        were `dropped` for lack of it."""
        shelf = self._shelf
        return Spool(
            bytes=shelf.bytes if shelf is not None else 0,
            packets=shelf.packets if shelf is not None else 0,
            room=room,
            dropped=dropped,
            damaged=shelf.damaged if shelf is not None else 0,
            oldest=self._oldest_age(),
        )

    def abandon_memory(self) -> int:
        """Close, and give up what waits in memory: how many packets that is."""
        with self._lock:
            self._closed = True
            packets = sum(block.count for block, _ in self._blocks)
            self._blocks.clear()
            self.bytes = 0
            self._admitted = self._memory
        self._wake()
        return packets

    def abandon(self) -> int:
        """Close, and give up what waits in memory and on disk. In a thread."""
        packets = self.abandon_memory()
        with self._lock:
            self.head = self._memory
        return packets + (self._shelf.discard() if self._shelf is not None else 0)

    @property
    def _short(self) -> bool:
        return self.bytes > self._room // 2

    def _oldest_age(self) -> float:
        since = self._shelf.since if self._shelf is not None else None
        with self._lock:
            if since is None and self._blocks:
                since = self._blocks[0][1]
        return 0.0 if since is None else round(max(0.0, self._clock() - since), 3)

    def _settled(self) -> int:
        """Every block below this number is done with, and counted as such where it lies."""
        with self._lock:
            return self.head if self._moving is None else min(self.head, self._moving)

    def _spill_some(self, shelf: Shelf) -> bool:
        """Write the next chunk; whether there was room for all of it."""
        with self._lock:
            chunk = [block for block, _ in islice(self._blocks, _CHUNK)]
            if not chunk:
                return True
            since, self._moving = self._blocks[0][1], chunk[0].block
        try:
            return shelf.append(chunk, since) == len(chunk)
        finally:
            self._leave_memory(chunk, shelf.end)

    def _leave_memory(self, chunk: list[Block], end: int) -> None:
        """Blocks of the chunk below number `end` are on disk now."""
        with self._lock:
            for block in chunk:
                if block.block >= end:
                    break
                if block.block < self.head:  # stored while it was written
                    self._stored_from_disk(block)
                else:
                    self._drop_oldest()
                self._memory = max(self._memory, block.block + 1)
            self._moving = None

    def _stored_from_disk(self, block: Block) -> None:
        if self._shelf is not None:
            self._shelf.stored(block)

    def _drop_oldest(self) -> None:
        block, _ = self._blocks.popleft()
        self.bytes -= len(block.data) + OVERHEAD
