"""One file of the spool as it is written, and what is known of it."""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from errno import ENOSPC
from pathlib import Path


@dataclass(slots=True)
class Segment:
    """A file of the spool. Blocks below number `end` are in it, or in one before."""

    path: Path
    since: float
    """When its first block was captured, by the monotonic clock."""
    size: int = 0
    """Its good bytes."""
    end: int = 0
    next: int = 0
    """Number after its last packet."""
    left: int = 0
    """Packets in it that are not stored yet."""

    def enter(self, block: int, first: int, count: int) -> None:
        """A record has come into the file."""
        self.end = block + 1
        self.next = first + count
        self.left += count


class SegmentFile:
    """A new file that records are written to. Every call may raise OSError."""

    def __init__(self, path: Path, head: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._handle = os.open(path, flags, 0o600)
        self._folder = path.parent
        self._size = 0
        self._named = False
        try:
            self.write((head,))
        except OSError:
            self.close()
            path.unlink()
            raise

    def write(self, parts: Sequence[bytes]) -> None:
        """Append all of `parts`, or nothing."""
        size = sum(map(len, parts))
        try:
            if os.pwritev(self._handle, parts, self._size) != size:
                raise OSError(ENOSPC, os.strerror(ENOSPC))
        except OSError:
            with suppress(OSError):  # what is written next goes to the same place anyway
                os.ftruncate(self._handle, self._size)
            raise
        self._size += size

    def sync(self) -> None:
        """Return once what was written, and the file's name, would survive a loss of power."""
        os.fdatasync(self._handle)
        if not self._named:
            _sync_folder(self._folder)
            _sync_folder(self._folder.parent)
            self._named = True

    def close(self) -> None:
        """Close it."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
