"""The pcapng format (draft-ietf-opsawg-pcapng): any byte order, interfaces and resolutions."""

from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

from services.packets.capturefile_input import MAX_PACKET, BadCaptureFile, Input

SECTION_TYPE = b"\x0a\x0d\x0d\x0a"
"""The same in either byte order."""
MAX_BLOCK = 16 << 20
"""The most bytes of a block, as in Wireshark."""
MAX_INTERFACES = 65_536

_IDB, _OLD_PACKET, _SIMPLE_PACKET, _ENHANCED_PACKET = 1, 2, 3, 6
_SMALLEST_BLOCK, _SMALLEST_SECTION_HEADER = 12, 28
_ORDERS = {bytes.fromhex("4d3c2b1a"): "<", bytes.fromhex("1a2b3c4d"): ">"}
_END, _TSRESOL, _TSOFFSET = 0, 9, 14
_MICROSECONDS = 1_000_000
_SECOND = 1_000_000_000
_LATEST = (1 << 63) - 1

Found = tuple[int, int, bytes, int]


class Interface(NamedTuple):
    """What a packet's block does not say itself."""

    linktype: int
    snaplen: int
    units: int = _MICROSECONDS
    """Units of time in a second."""
    offset: int = 0
    """Nanoseconds to add."""


def read_pcapng(source: Input) -> Iterator[Found]:
    """Time (ns), length on the wire, bytes and link type of each packet.

    The type of the first block has been read; blocks that hold no packet are skipped.
    """
    section = _Section(source)
    while kind := source.take_or_end(4, "a block's type"):
        if kind == SECTION_TYPE:
            section = _Section(source)
        else:
            packet = section.block(kind)
            if packet is not None:
                yield packet


class _Section:
    """One section: its byte order and its interfaces. Its header's type has been read."""

    def __init__(self, source: Input) -> None:
        self._source = source
        self._start = source.offset - 4
        fixed = source.take(8, "a section header")
        order = _ORDERS.get(fixed[4:])
        if order is None:
            raise self._bad(f"{fixed[4:].hex(' ')} is no byte-order magic")
        self._u32 = Struct(order + "I")
        self._interface_fixed = Struct(order + "HHI")
        self._packet_fixed = Struct(order + "IIIII")
        self._old_packet_fixed = Struct(order + "HHIIII")
        self._option_head = Struct(order + "HH")
        self._seconds = Struct(order + "q")
        self._interfaces: list[Interface] = []
        self._ts = 0
        self._check_version(fixed[:4], Struct(order + "H"))

    def block(self, kind: bytes) -> Found | None:
        """The packet of a block of this type, or None of one that holds none."""
        self._start = self._source.offset - 4
        total = self._size(self._source.take(4, "a block"), _SMALLEST_BLOCK)
        body = self._body(total - _SMALLEST_BLOCK, total)
        number = self._u32.unpack(kind)[0]
        if number == _ENHANCED_PACKET:
            return self._packet(body)
        if number == _SIMPLE_PACKET:
            return self._simple_packet(body)
        if number == _OLD_PACKET:
            return self._old_packet(body)
        if number == _IDB:
            self._add_interface(body)
        return None

    def _check_version(self, size: bytes, u16: Struct) -> None:
        total = self._size(size, _SMALLEST_SECTION_HEADER)
        major = u16.unpack_from(self._body(total - 16, total))[0]
        if major != 1:
            raise self._bad(f"version {major} of pcapng is not known, only 1")

    def _size(self, size: bytes, smallest: int) -> int:
        total: int = self._u32.unpack(size)[0]
        if total % 4 or not smallest <= total <= MAX_BLOCK:
            allowed = f"a multiple of 4 from {smallest} to {MAX_BLOCK}"
            raise self._bad(f"a block says it takes {total} bytes, not {allowed}")
        return total

    def _body(self, size: int, total: int) -> bytes:
        body = self._source.take(size, "a block")
        again = self._u32.unpack(self._source.take(4, "a block"))[0]
        if again != total:
            raise self._bad(f"a block of {total} bytes ends as one of {again}")
        return body

    def _packet(self, body: bytes) -> Found:
        fixed = self._packet_fixed
        self._need(body, fixed.size)
        number, high, low, captured, length = fixed.unpack_from(body)
        interface = self._interface(number)
        self._keep_time(interface, (high << 32) | low)
        return self._found(body[fixed.size :], captured, length, interface)

    def _old_packet(self, body: bytes) -> Found:
        fixed = self._old_packet_fixed
        self._need(body, fixed.size)
        number, _, high, low, captured, length = fixed.unpack_from(body)
        interface = self._interface(number)
        self._keep_time(interface, (high << 32) | low)
        return self._found(body[fixed.size :], captured, length, interface)

    def _simple_packet(self, body: bytes) -> Found:
        self._need(body, 4)
        length: int = self._u32.unpack_from(body)[0]
        interface = self._interface(0)
        captured = min(length, interface.snaplen or length)
        return self._found(body[4:], captured, length, interface)

    def _found(self, rest: bytes, captured: int, length: int, interface: Interface) -> Found:
        most = min(len(rest), MAX_PACKET)
        if captured > most:
            raise self._bad(f"a packet says it has {captured} bytes, of {most} possible")
        return self._ts, length, rest[:captured], interface.linktype

    def _keep_time(self, interface: Interface, stamp: int) -> None:
        ts = stamp * _SECOND // interface.units + interface.offset
        if not 0 <= ts <= _LATEST:
            raise self._bad(f"a packet's time is {ts} ns since 1970, not one from 1970 to 2262")
        self._ts = ts

    def _interface(self, number: int) -> Interface:
        if number >= len(self._interfaces):
            raise self._bad(f"a packet of interface {number}; there are {len(self._interfaces)}")
        return self._interfaces[number]

    def _add_interface(self, body: bytes) -> None:
        self._need(body, self._interface_fixed.size)
        if len(self._interfaces) >= MAX_INTERFACES:
            raise self._bad(f"more than {MAX_INTERFACES} interfaces")
        linktype, _, snaplen = self._interface_fixed.unpack_from(body)
        interface = Interface(linktype, snaplen)
        for code, value in self._options(body, self._interface_fixed.size):
            if code == _TSRESOL and len(value) == 1:
                interface = interface._replace(units=_units(value[0]))
            elif code == _TSOFFSET and len(value) == 8:
                seconds = self._seconds.unpack(value)[0]
                interface = interface._replace(offset=seconds * _SECOND)
        self._interfaces.append(interface)

    def _options(self, body: bytes, at: int) -> Iterator[tuple[int, bytes]]:
        head = self._option_head
        while len(body) - at >= head.size:
            code, size = head.unpack_from(body, at)
            at += head.size
            if code == _END:
                return
            if size > len(body) - at:
                raise self._bad(f"option {code} of {size} bytes leaves its block")
            yield code, body[at : at + size]
            at += (size + 3) & ~3

    def _need(self, body: bytes, size: int) -> None:
        if len(body) < size:
            raise self._bad(f"a block of {len(body)} bytes, where {size} are needed")

    def _bad(self, why: str) -> BadCaptureFile:
        return self._source.bad(why, self._start)


def _units(resolution: int) -> int:
    """Units in a second by `if_tsresol`: the exponent of 10, or of 2 where the high bit is set."""
    exponent = resolution & 0x7F
    return 1 << exponent if resolution & 0x80 else int(10**exponent)
