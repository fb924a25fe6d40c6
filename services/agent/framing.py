"""Packets to pcapng Enhanced Packet Blocks (draft-ietf-opsawg-pcapng, section 4.3), fast.

Little-endian, interface 0, timestamps in nanoseconds. One `pack_into` a packet: a struct for each
captured length holds header, data, padding and trailer.
"""

import struct
from collections.abc import Callable
from typing import Any

from services.agent.source import Frame

TYPE = 6
OVERHEAD = 32
"""Bytes of an Enhanced Packet Block beside its data and padding."""

_READY = 2049
"""Captured lengths below this have their struct made once; longer ones are rarer and many."""

Packer = Callable[..., None]


class Framer:
    """Writes Enhanced Packet Blocks into a buffer."""

    def __init__(self) -> None:
        self._packers: list[Packer] = [_packer(captured) for captured in range(_READY)]

    def write(
        self, buffer: bytearray, position: int, frames: list[Frame], full: int
    ) -> tuple[int, int, int]:
        """Append `frames` until the buffer is `full` bytes long or more.

        Gives the new position, how many frames were written, and their captured bytes.
        """
        packers = self._packers
        captured_bytes = written = 0
        for at, length, data in frames:
            captured = len(data)
            total = (captured + 35) & ~3
            pack = packers[captured] if captured < _READY else _packer(captured)
            pack(
                buffer, position, TYPE, total, 0, at >> 32, at & 0xFFFFFFFF,
                captured, length, data, total,
            )  # fmt: skip
            position += total
            captured_bytes += captured
            written += 1
            if position >= full:
                break
        return position, written, captured_bytes


def _packer(captured: int) -> Any:
    return struct.Struct(f"<IIIIIII{captured}s{-captured % 4}xI").pack_into
