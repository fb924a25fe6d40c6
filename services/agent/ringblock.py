"""The memory of a TPACKET_V3 ring (linux/if_packet.h), walked: the agent's hot loop.

A ring is a row of blocks. The kernel fills one with packets, each behind a header, and then gives
the whole block to the reader by a bit in its status word.
"""

import struct
from mmap import mmap

from contracts.order import MAX_SNAPLEN
from services.agent.source import Frame

STATUS_KERNEL = 0
STATUS_USER = 1
STATUS_AT = 8
"""Where in a block its status word stands."""

_VLAN_VALID = 1 << 4
_VLAN_TPID_VALID = 1 << 6
_ETH_P_8021Q = 0x8100
_MACS = 12
"""Length of the two addresses that stand before a VLAN tag."""
_TAG = 4

_BLOCK = struct.Struct("<12xII")  # number of packets, offset of the first
_PACKET = struct.Struct("<IIIIIIH")  # next, sec, nsec, captured, length, status, offset of data
_VLAN = struct.Struct("<32xIH")  # tci, tpid
_TCI = struct.Struct(">HH")


def frames_of(ring: mmap, start: int, snaplen: int = MAX_SNAPLEN) -> list[Frame]:
    """The packets of the block at `start`, VLAN tags where they were on the wire."""
    count, first = _BLOCK.unpack_from(ring, start)
    header = _PACKET.unpack_from
    frames: list[Frame] = []
    append = frames.append
    at = start + first
    for _ in range(count):
        step, seconds, nanoseconds, captured, length, status, offset = header(ring, at)
        begin = at + offset
        data = ring[begin : begin + captured]
        if status & _VLAN_VALID:
            data = with_tag(data, *_tag(ring, at, status))[:snaplen]
            length += _TAG
        append((seconds * 1_000_000_000 + nanoseconds, length, data))
        at += step
    return frames


def with_tag(data: bytes, tpid: int, tci: int) -> bytes:
    """The frame with its VLAN tag back behind the two addresses."""
    return data[:_MACS] + _TCI.pack(tpid, tci) + data[_MACS:]


def _tag(ring: mmap, at: int, status: int) -> tuple[int, int]:
    tci, tpid = _VLAN.unpack_from(ring, at)
    return (tpid if status & _VLAN_TPID_VALID else _ETH_P_8021Q), tci & 0xFFFF
