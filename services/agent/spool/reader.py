"""Reads the records of one file of the spool, whatever has become of the file."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from contracts.block import Block
from services.agent.spool.record import Codec, Header

_WINDOW = 256 << 10
_SEARCH = 1 << 20
_PAGE = 4096
"""The kernel reads as much at once: where one byte of it fails, all do."""


class Reading(NamedTuple):
    """What one read gave."""

    blocks: list[Block]
    upto: int
    """Every block below this number has been given, now or before, or cannot be read."""


class Reader:
    """One file, from its beginning on. Used by one thread at a time; raises OSError to open."""

    def __init__(self, path: Path, codec: Codec) -> None:
        self.path = path
        self._codec = codec
        self._file = _File(path)
        self._at = 0

    def read(self, head: int, below: int, size: int, end: int, most: int) -> Reading:
        """Up to `most` blocks from number `head` up to `below`, from the first `size` bytes of
        the file, which hold the blocks up to number `end`."""
        blocks: list[Block] = []
        for at, header in self._records(size):
            if header.block >= below or len(blocks) == most:
                self._at = at
                return Reading(blocks, below if header.block >= below else header.block)
            data_at = at + self._codec.header_size
            self._at = data_at + header.data_length
            if header.block >= head:
                data = self._file.get(data_at, header.data_length, size)
                if block := self._codec.block(header, data):
                    blocks.append(block)
        self._at = size
        return Reading(blocks, min(end, below))

    def headers(self, size: int) -> Iterator[Header]:
        """What every record says whose header can be read."""
        for at, header in self._records(size):
            self._at = at + self._codec.header_size + header.data_length
            yield header

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _records(self, size: int) -> Iterator[tuple[int, Header]]:
        """Where each record from here on begins, and its header; damaged ones are passed over."""
        while self._at < size:
            raw = self._file.get(self._at, self._codec.header_size, size)
            if header := self._codec.read_header(raw):
                yield self._at, header
            else:
                self._at = self._search(self._at + 1, size)

    def _search(self, at: int, size: int) -> int:
        """Where the next record may begin; `size` where there is none."""
        mark, mark_at = self._codec.mark, self._codec.mark_at
        while at < size:
            found = self._file.get(at, _SEARCH, size).find(mark, mark_at)
            if found >= 0:
                return at + found - mark_at
            at += _SEARCH - len(mark) - mark_at
        return size


class _File:
    """Bytes of a file, read ahead. What the disk does not give reads as zeros, and the checksums
    say so."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        self._window = b""
        self._window_at = 0

    def get(self, at: int, length: int, size: int) -> bytes:
        """`length` bytes from `at`, or fewer where the first `size` bytes of the file end."""
        length = max(0, min(length, size - at))
        start = at - self._window_at
        if not 0 <= start <= start + length <= len(self._window):
            self._window = self._pread(max(length, min(_WINDOW, size - at)), at)
            self._window_at, start = at, 0
        return self._window[start : start + length]

    def close(self) -> None:
        """Close it."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _pread(self, length: int, at: int) -> bytes:
        with suppress(OSError):
            data = os.pread(self._handle, length, at)
            if len(data) == length:  # a read gives less where the disk fails further on
                return data
        first = at - at % _PAGE
        pages = b"".join(map(self._page, range(first, at + length, _PAGE)))
        return pages[at - first : at - first + length]

    def _page(self, at: int) -> bytes:
        data = b""
        with suppress(OSError):
            data = os.pread(self._handle, _PAGE, at)
        return data.ljust(_PAGE, b"\0")
