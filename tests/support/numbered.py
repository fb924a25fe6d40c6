"""Payloads that tell which run they are of, their number, and whether they are whole."""

import struct
import zlib

_HEAD = struct.Struct("!8sII")
_CRC = struct.Struct("!I")

LEAST = _HEAD.size + _CRC.size
"""Bytes of the smallest payload."""


class Damaged(Exception):
    """A payload is not as it was sent; the text says how."""


def payload(run: bytes, number: int, size: int) -> bytes:
    """The payload of packet `number` of a run, which is named by eight bytes."""
    body = _HEAD.pack(run, number, size).ljust(size - _CRC.size, b".")
    return body + _CRC.pack(zlib.crc32(body))


def number_of(data: bytes, run: bytes) -> int:
    """The number in a payload. Raises Damaged unless it is whole and of this run."""
    if len(data) < LEAST:
        raise Damaged(f"a payload of {len(data)} bytes")
    body, crc = data[: -_CRC.size], _CRC.unpack(data[-_CRC.size :])[0]
    if zlib.crc32(body) != crc:
        raise Damaged("its checksum is wrong")
    its_run, number, size = _HEAD.unpack_from(body)
    if (its_run, size) != (run, len(data)):
        raise Damaged("it is of another run, or of another length")
    return int(number)
