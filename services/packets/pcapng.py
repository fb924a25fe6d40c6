"""Packet blocks as pcapng (draft-ietf-opsawg-pcapng): written once, read without copies.

What Capflow writes is little-endian, in nanoseconds, one interface a section. A stored block is
a run of Enhanced Packet Blocks and nothing else; with `section_header` and `interface_block` in
front of it, it is a file that Wireshark reads.

A loop that frames packets inline needs `EPB_HEADER`, `EPB_OVERHEAD`, `PADDING` and `U32`:

    padded = (captured + 3) & ~3
    EPB_HEADER.pack(EPB_TYPE, padded + EPB_OVERHEAD, 0, ts >> 32, ts & LOW_32, captured, length)
    then the packet, PADDING[captured & 3], and U32.pack(padded + EPB_OVERHEAD)
"""

from struct import Struct
from typing import NamedTuple

from services.packets.pcapng_options import Option, block, number, text
from services.runtime.errors import CapflowError

SHB_TYPE = 0x0A0D0D0A
IDB_TYPE = 1
ISB_TYPE = 5
EPB_TYPE = 6

BYTE_ORDER_MAGIC = 0x1A2B3C4D
LOW_32 = 0xFFFF_FFFF
NANOSECONDS = 9
"""`if_tsresol`: time stamps count units of 10 to the power of minus 9 seconds."""

EPB_HEADER = Struct("<IIIIIII")
"""Type, total length, interface, time stamp (high, low), captured length, length on the wire."""
EPB_HEADER_SIZE = EPB_HEADER.size
EPB_OVERHEAD = EPB_HEADER_SIZE + 4
"""What framing adds to a packet of a multiple of four bytes."""
U32 = Struct("<I")
PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")
"""What follows a packet, by its captured length modulo four."""

_SHB_BODY = Struct("<IHHq")
_IDB_BODY = Struct("<HHI")
_ISB_BODY = Struct("<III")
_SECTION_LENGTH_UNKNOWN = -1


class Malformed(CapflowError):
    """Bytes that are no run of Enhanced Packet Blocks; the text says where and why."""


class Packet(NamedTuple):
    """One captured packet."""

    ts: int
    """Nanoseconds since 1970."""
    length: int
    """Bytes on the wire."""
    data: bytes
    """The bytes captured: as many as the snap length let through."""


Frame = tuple[int, int, int, int, int]
"""Where a packet lies in a block: its time (ns), its length on the wire, its captured length, and
the offsets at which its Enhanced Packet Block begins and ends. The packet's own bytes begin
`EPB_HEADER_SIZE` after the first of these. A plain tuple, for it is made for every packet."""


def section_header(
    *, hardware: str = "", os: str = "", application: str = "", comment: str = ""
) -> bytes:
    """A Section Header Block (draft section 4.1); the section's length is not given."""
    body = _SHB_BODY.pack(BYTE_ORDER_MAGIC, 1, 0, _SECTION_LENGTH_UNKNOWN)
    options = (text(1, comment), text(2, hardware), text(3, os), text(4, application))
    return block(SHB_TYPE, body, options)


def interface_block(
    linktype: int,
    snaplen: int = 0,
    *,
    name: str = "",
    description: str = "",
    filter: str = "",
    comment: str = "",
) -> bytes:
    """An Interface Description Block (draft section 4.2) with time stamps in nanoseconds.

    A `snaplen` of 0 is no limit; `filter` is the capture filter, in pcap-filter syntax.
    """
    filter_option = Option(11, b"\0" + filter.encode("utf-8", "replace")) if filter else None
    options = (
        text(1, comment),
        text(2, name),
        text(3, description),
        Option(9, bytes([NANOSECONDS])),
        filter_option,
    )
    return block(IDB_TYPE, _IDB_BODY.pack(linktype, 0, snaplen), options)


def enhanced_packet(ts: int, data: bytes, length: int) -> bytes:
    """An Enhanced Packet Block (draft section 4.3) of interface 0.

    `ts` is in nanoseconds since 1970, `length` the bytes on the wire.
    """
    captured = len(data)
    total = ((captured + 3) & ~3) + EPB_OVERHEAD
    header = EPB_HEADER.pack(EPB_TYPE, total, 0, ts >> 32, ts & LOW_32, captured, length)
    return b"".join((header, data, PADDING[captured & 3], U32.pack(total)))


def interface_statistics(
    ts: int,
    *,
    started: int | None = None,
    ended: int | None = None,
    received: int | None = None,
    dropped: int | None = None,
    accepted: int | None = None,
    delivered: int | None = None,
    comment: str = "",
) -> bytes:
    """An Interface Statistics Block (draft section 4.6) of interface 0.

    Times are in nanoseconds since 1970. Packets: `received` by the interface, `dropped` there for
    lack of room, `accepted` by the filter, `delivered` to who asked for them.
    """
    options = (
        text(1, comment),
        _time(2, started),
        _time(3, ended),
        number(4, received),
        number(5, dropped),
        number(6, accepted),
        number(8, delivered),
    )
    return block(ISB_TYPE, _ISB_BODY.pack(0, ts >> 32, ts & LOW_32), options)


def frames_of(data: bytes) -> list[Frame]:
    """Where the packets of a stored block lie, in order. Raises Malformed."""
    frames: list[Frame] = []
    unpack, append, end = EPB_HEADER.unpack_from, frames.append, len(data)
    at = 0
    while at < end:
        if end - at < EPB_OVERHEAD:
            raise Malformed(f"{end - at} bytes at offset {at} are too few for a packet block")
        kind, total, _, high, low, captured, length = unpack(data, at)
        stop = at + total
        if kind != EPB_TYPE or total & 3 or total < captured + EPB_OVERHEAD or stop > end:
            raise Malformed(_fault(kind, total, captured, at, end))
        append(((high << 32) | low, length, captured, at, stop))
        at = stop
    return frames


def packets_of(data: bytes) -> list[Packet]:
    """The packets of a stored block, in order. Raises Malformed."""
    head = EPB_HEADER_SIZE
    return [
        Packet(ts, length, data[at + head : at + head + captured])
        for ts, length, captured, at, _ in frames_of(data)
    ]


def frames_joined(data: bytes, frames: list[Frame]) -> bytes:
    """Only these of a block's Enhanced Packet Blocks, unchanged."""
    if frames and frames[-1][4] - frames[0][3] == sum(frame[4] - frame[3] for frame in frames):
        return data[frames[0][3] : frames[-1][4]]
    return b"".join([data[frame[3] : frame[4]] for frame in frames])


def _time(code: int, ts: int | None) -> Option | None:
    return None if ts is None else Option(code, U32.pack(ts >> 32) + U32.pack(ts & LOW_32))


def _fault(kind: int, total: int, captured: int, at: int, end: int) -> str:
    if kind != EPB_TYPE:
        return f"a block of type {kind:#x} at offset {at}, where a packet block must be"
    if total & 3 or at + total > end:
        return f"the packet block at offset {at} says it takes {total} bytes of {end - at}"
    return f"the packet block at offset {at} has {total} bytes, and says it holds {captured}"
