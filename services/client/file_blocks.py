"""Counting the blocks of a pcapng stream, without looking into them.

Each begins with its type and its whole length, four bytes each (draft-ietf-opsawg-pcapng, 3.1).
"""

import struct

_LENGTH = struct.Struct("<4xI")


def first_blocks(data: bytes, most: int) -> tuple[bytes, int]:
    """The first `most` blocks of `data`, and how many that is."""
    end = count = 0
    while count < most and end + _LENGTH.size <= len(data):
        (length,) = _LENGTH.unpack_from(data, end)
        end += max(length, _LENGTH.size)
        count += 1
    return data[:end], count
