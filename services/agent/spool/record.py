"""A block of packets as a record of the spool. No I/O.

A record is a pcapng block with the packet block's own fields, and behind it the packet block's
Enhanced Packet Blocks as they are. Its type is one for local use (draft-ietf-opsawg-pcapng,
section 11.1), which every other program passes over: a file of the spool shows its packets in
Wireshark and nothing else. The task's id stands in each record, so that nothing a packet holds is
taken for one.

    type, total length                    as every pcapng block
    magic, version, length of session, task id        the mark, the same in every record of a task
    block, first, count, first_ts, last_ts, size, dropped
    length and CRC-32 of the data, CRC-32 of all fields and the session
    session, padded to four bytes
    total length
"""

from struct import Struct
from typing import NamedTuple
from uuid import UUID
from zlib import crc32

from pydantic import ValidationError

from contracts.block import MAX_BLOCK_BYTES, Block
from contracts.order import Order
from services.packets.pcapng import PADDING, U32, interface_block, section_header

BLOCK_TYPE = 0x8000_4346
"""Ours: the highest bit says local use, the rest is `CF`."""
MAX_HEAD = 64 << 10
"""Bytes in which a file's own head must lie."""

_VERSION = 1
_RECORD, _ORDER = b"CFrc", b"CFor"
_LEAD = Struct("<II")
_MARK = Struct("<4sHH16s")
_FIELDS = Struct("<QQIQQQQII")
_AT_FIELDS = _LEAD.size + _MARK.size
_AT_CRC = _AT_FIELDS + _FIELDS.size
_AT_SESSION = _AT_CRC + U32.size


class Header(NamedTuple):
    """What a record says before its data."""

    block: int
    first: int
    packets: int
    first_ts: int
    last_ts: int
    size: int
    dropped: int
    data_length: int
    data_crc: int


class Codec:
    """Writes and reads the records of one task."""

    def __init__(self, task_id: UUID, session: str) -> None:
        name = session.encode()
        self._session = session
        self._name = name + PADDING[len(name) & 3]
        self.mark = _MARK.pack(_RECORD, _VERSION, len(name), task_id.bytes)
        """Stands `mark_at` bytes after the beginning of every record, and nowhere else."""
        self.mark_at = _LEAD.size
        self.header_size = _AT_SESSION + len(self._name) + U32.size
        """Bytes of a record before its data."""

    def header(self, block: Block) -> bytes:
        """What stands before a block's data."""
        numbers = (block.block, block.first, block.count, block.first_ts, block.last_ts)
        fields = self.mark + _FIELDS.pack(
            *numbers, block.size, block.dropped, len(block.data), crc32(block.data)
        )
        crc = U32.pack(crc32(self._name, crc32(fields)))
        lead = _LEAD.pack(BLOCK_TYPE, self.header_size)
        return b"".join((lead, fields, crc, self._name, U32.pack(self.header_size)))

    def read_header(self, raw: bytes) -> Header | None:
        """The header in the `header_size` bytes of `raw`; none where they are damaged."""
        if len(raw) != self.header_size or not raw.startswith(self.mark, self.mark_at):
            return None
        fields, name = raw[self.mark_at : _AT_CRC], raw[_AT_SESSION : -U32.size]
        if name != self._name or U32.unpack_from(raw, _AT_CRC)[0] != crc32(name, crc32(fields)):
            return None
        header = Header(*_FIELDS.unpack_from(raw, _AT_FIELDS))
        return header if header.packets and header.data_length <= MAX_BLOCK_BYTES else None

    def block(self, header: Header, data: bytes) -> Block | None:
        """The block; none where its data are damaged."""
        if len(data) != header.data_length or crc32(data) != header.data_crc:
            return None
        return Block(self._session, *header[:7], data)


def file_head(order: Order, linktype: int, interface: str) -> bytes:
    """What each file begins with: section and interface, for other programs, and the order."""
    section = section_header(
        application="Capflow", comment=f"Capflow spool of {order.session}: waits for its endpoint"
    )
    described = interface_block(linktype, order.snaplen or 0, name=interface, filter=order.filter)
    text = order.model_dump_json().encode()
    body = _ORDER + U32.pack(len(text)) + U32.pack(crc32(text)) + text + PADDING[len(text) & 3]
    total = _LEAD.size + len(body) + U32.size
    return b"".join((section, described, _LEAD.pack(BLOCK_TYPE, total), body, U32.pack(total)))


def order_in(head: bytes) -> Order | None:
    """The order in the first bytes of a file; none where there is none to be read."""
    at = head.find(_ORDER)
    if at < 0 or len(head) < at + 12:
        return None
    length, crc = U32.unpack_from(head, at + 4)[0], U32.unpack_from(head, at + 8)[0]
    text = head[at + 12 : at + 12 + length]
    if len(text) != length or crc32(text) != crc:
        return None
    try:
        return Order.model_validate_json(text)
    except ValidationError:
        return None
