"""A capture file as its readers see it: bytes taken in turn, errors with name and offset."""

from typing import BinaryIO

from services.runtime.errors import CapflowError

MAX_PACKET = 262_144
"""The most bytes of a packet, as in Wireshark and tcpdump."""


class BadCaptureFile(CapflowError):
    """A capture file that cannot be read; the text has its name, the offset and the reason."""


class Input:
    """A file and how far it has been read."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self._name = name
        self.offset = 0

    def take(self, size: int, what: str) -> bytes:
        """The next `size` bytes, which are `what`; fewer are an error."""
        data = self._read(size)
        if len(data) < size:
            raise self.bad(f"the file ends in {what}: {len(data)} of {size} bytes are there")
        self.offset += size
        return data

    def take_or_end(self, size: int, what: str) -> bytes:
        """The same, or nothing where the file ends before the first byte."""
        data = self._read(size)
        if data and len(data) < size:
            raise self.bad(f"the file ends in {what}: {len(data)} of {size} bytes are there")
        self.offset += len(data)
        return data

    def bad(self, why: str, offset: int | None = None) -> BadCaptureFile:
        """The error to raise: something is wrong at `offset`, by default where the reader is."""
        at = self.offset if offset is None else offset
        return BadCaptureFile(f"{self._name}, at byte {at}: {why}")

    def _read(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except OSError as error:
            raise self.bad(f"it cannot be read: {error.strerror or error}") from error
