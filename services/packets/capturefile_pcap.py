"""The classic pcap format (draft-ietf-opsawg-pcap): either byte order, µs or ns."""

from collections.abc import Iterator
from struct import Struct

from services.packets.capturefile_input import MAX_PACKET, Input

MAGICS: dict[bytes, tuple[str, int]] = {
    bytes.fromhex("d4c3b2a1"): ("<", 1000),
    bytes.fromhex("a1b2c3d4"): (">", 1000),
    bytes.fromhex("4d3cb2a1"): ("<", 1),
    bytes.fromhex("a1b23c4d"): (">", 1),
}
"""Magic number: byte order, and nanoseconds in a unit of the fraction of a second."""

_LINKTYPE_BITS = 0xFFFF
"""Above them stands the length of a frame check sequence."""
_MAJOR = 2
_SECOND = 1_000_000_000


def read_pcap(source: Input, magic: bytes) -> Iterator[tuple[int, int, bytes, int]]:
    """Time (ns), length on the wire, bytes and link type of each packet after the magic number."""
    order, unit = MAGICS[magic]
    header = Struct(order + "HHIIII")
    major, minor, _, _, _, linktype = header.unpack(source.take(header.size, "the file header"))
    if major != _MAJOR:
        raise source.bad(f"version {major}.{minor} of pcap is not known, only {_MAJOR}.x", 4)
    yield from _packets(source, Struct(order + "IIII"), unit, linktype & _LINKTYPE_BITS)


def _packets(
    source: Input, record: Struct, unit: int, linktype: int
) -> Iterator[tuple[int, int, bytes, int]]:
    while head := source.take_or_end(record.size, "a packet's header"):
        seconds, fraction, captured, length = record.unpack(head)
        if captured > MAX_PACKET:
            at = source.offset - record.size
            raise source.bad(f"a packet says it has {captured} bytes, of {MAX_PACKET} allowed", at)
        data = source.take(captured, "a packet")
        yield seconds * _SECOND + fraction * unit, length, data, linktype
