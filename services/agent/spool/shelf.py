"""One capture's part of the spool: blocks on disk in their order, in one file after the other.

Appending and removing happen in one thread at a time, reading in one at a time beside it. None of
them runs on the event loop.
"""

import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from errno import EMFILE, ENFILE
from itertools import count
from pathlib import Path

from contracts.block import Block
from contracts.order import Order
from services.agent.spool.privacy import make_private
from services.agent.spool.reader import Reader, Reading
from services.agent.spool.record import Codec
from services.agent.spool.room import Room
from services.agent.spool.segment import Segment, SegmentFile
from services.runtime.logs import get

SEGMENT_BYTES = 8 << 20
"""A file this large is followed by a new one; it goes when all that is in it is stored."""
_SEGMENTS = 32
"""A small spool has smaller files, or it would give room back too seldom."""


class Shelf:
    """The files of one capture. Numbers of blocks run on from file to file."""

    def __init__(self, order: Order, folder: Path, room: Room, head: bytes = b"") -> None:
        self.order = order
        self.damaged = 0
        """Packets that could not be read back."""
        self._folder = folder
        self._room = room
        self._head = head
        self._full = min(SEGMENT_BYTES, max(1, room.limit // _SEGMENTS))
        self._codec = Codec(order.task_id, order.session)
        self._numbers = count()
        self._segments: list[Segment] = []
        self._file: SegmentFile | None = None
        self._reader: Reader | None = None
        self._dirty = False
        self._lock = threading.Lock()  # of the list, never held while the disk works
        self._work = threading.Lock()  # of whoever appends or removes

    # --- what is known, without I/O ---

    @property
    def bytes(self) -> int:
        """What its files take."""
        with self._lock:
            return sum(segment.size for segment in self._segments)

    @property
    def packets(self) -> int:
        """Packets that wait in it."""
        with self._lock:
            return sum(segment.left for segment in self._segments)

    @property
    def since(self) -> float | None:
        """When its oldest block was captured, by the monotonic clock; None where it is empty."""
        with self._lock:
            return self._segments[0].since if self._segments else None

    @property
    def end(self) -> int:
        """The number after its last block."""
        with self._lock:
            return self._segments[-1].end if self._segments else 0

    @property
    def next(self) -> int:
        """The number after its last packet."""
        with self._lock:
            return max((segment.next for segment in self._segments), default=0)

    @property
    def clean(self) -> bool:
        """Whether all that was appended has been flushed."""
        return not self._dirty

    def stored(self, block: Block) -> None:
        """A block that is in one of the files has been stored."""
        with self._lock:
            for segment in self._segments:
                if block.block < segment.end:
                    segment.left -= block.count
                    return

    def done(self, head: int) -> bool:
        """Whether a file can go, where every block below number `head` is done with."""
        with self._lock:
            return bool(self._segments) and self._segments[0].end <= head

    # --- disk ---

    def append(self, blocks: Sequence[Block], since: float) -> int:
        """Write blocks that were captured at `since` or later; how many there was room for.

        Raises OSError; what was written by then stays and counts.
        """
        with self._work:
            for at, block in enumerate(blocks):
                if not self._append(block, since):
                    return at
        return len(blocks)

    def sync(self) -> None:
        """Return once what was appended is safe. Raises OSError."""
        with self._work:
            self._flush()

    def read(self, head: int, below: int, most: int) -> Reading:
        """Up to `most` blocks from number `head` up to `below`."""
        segment = self._holding(head)
        if segment is None:
            return Reading([], below)
        size, end = segment.size, segment.end
        try:
            reader = self._reader_of(segment)
        except OSError as error:
            if error.errno in (EMFILE, ENFILE):
                raise
            return Reading([], min(end, below))
        return reader.read(head, below, size, end, most)

    def tidy(self, head: int) -> int:
        """Remove the files whose blocks are all below number `head`; how many packets in them
        could not be read back."""
        with self._work:
            lost = self._remove(lambda segment: segment.end <= head)
        self.damaged += lost
        return lost

    def discard(self) -> int:
        """Remove everything; how many packets waited."""
        with self._work:
            return self._remove(lambda _: True)

    def take_over(self, path: Path) -> None:
        """Take in a file that an earlier start has left; they come in their order."""
        stat = path.lstat()
        segment = Segment(path, time.monotonic() - max(0.0, time.time() - stat.st_mtime))
        segment.size = stat.st_size
        reader = Reader(path, self._codec)
        for header in reader.headers(segment.size):
            segment.enter(header.block, header.first, header.packets)
        reader.close()
        self._room.found(segment.size)
        segment.end = max(segment.end, self.end)
        self._segments.append(segment)

    def _append(self, block: Block, since: float) -> bool:
        size = self._codec.header_size + len(block.data)
        if self._file is None or self._segments[-1].size >= self._full:
            if not self._room.take(size + len(self._head)):
                return False
            self._room.give(size)
            self._new_file(since)
        if not self._room.take(size):
            return False
        assert self._file is not None
        self._dirty = True
        try:
            self._file.write((self._codec.header(block), block.data))
        except OSError:
            self._room.give(size)
            raise
        with self._lock:
            segment = self._segments[-1]
            segment.size += size
            segment.enter(block.block, block.first, block.count)
        return True

    def _flush(self) -> None:
        try:
            if self._file is not None and self._dirty:
                self._file.sync()
        except OSError:
            self._leave_file()  # nobody knows what of it is safe: write on elsewhere
            raise
        finally:
            self._dirty = False

    def _new_file(self, since: float) -> None:
        """Begin a file; the room for its head has been taken."""
        try:
            self._flush()
            self._leave_file()
            make_private(self._folder)
            path = self._free_name()
            self._file = SegmentFile(path, self._head)
        except OSError:
            self._room.give(len(self._head))
            raise
        with self._lock:
            end = self._segments[-1].end if self._segments else 0
            self._segments.append(Segment(path, since, size=len(self._head), end=end))

    def _free_name(self) -> Path:
        names = (self._folder / f"{number:04d}.pcapng" for number in self._numbers)
        return next(path for path in names if not os.path.lexists(path))

    def _remove(self, goes: Callable[[Segment], bool]) -> int:
        lost = 0
        while self._segments and goes(self._segments[0]):
            segment = self._segments[0]
            if len(self._segments) == 1:
                self._leave_file()
            self._unlink(segment.path)
            with self._lock:
                del self._segments[0]
            self._room.give(segment.size)
            lost += segment.left
        if not self._segments:
            self._leave_reader()
            with suppress(OSError):  # somebody's file is in it, or it was never made
                self._folder.rmdir()
        return lost

    def _unlink(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            get("agent").error("cannot remove from the spool", file=str(path), error=str(error))

    def _holding(self, head: int) -> Segment | None:
        with self._lock:
            return next((one for one in self._segments if head < one.end), None)

    def _reader_of(self, segment: Segment) -> Reader:
        if self._reader is None or self._reader.path != segment.path:
            self._leave_reader()
            self._reader = Reader(segment.path, self._codec)
        return self._reader

    def _leave_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _leave_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None
