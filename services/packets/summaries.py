"""A block's packets as the JSON of a `packets` message (contracts.stream.PacketSummary)."""

from binascii import b2a_base64

import orjson

from services.packets.layers.flow import ordinary
from services.packets.linktypes import ETHERNET
from services.packets.pcapng import EPB_HEADER_SIZE
from services.packets.selection import Selection
from services.packets.summary import Summary, decoder_of

SECOND = 1_000_000_000
_ROW = b'{"number":%d,"time":"%d.%09d","length":%d,%b}'


def time_text(ts: int) -> str:
    """Nanoseconds since 1970 as seconds with nine decimals."""
    return f"{ts // SECOND}.{ts % SECOND:09d}"


def json_packets(selection: Selection, linktype: int, *, raw: bool = False) -> bytes:
    """The packets selected from a block, as a JSON array; with their bytes where `raw`.

    It is `packet_summaries`, encoded, without an object for each packet.
    """
    decode, head, data = decoder_of(linktype), EPB_HEADER_SIZE, selection.data
    fast = ordinary if linktype == ETHERNET else _never
    rows: list[bytes] = []
    for number, frame in zip(selection.numbers, selection.frames, strict=True):
        ts, length, captured, at, _ = frame
        at += head
        told = fast(data, at, captured) or _encoded(decode(data[at : at + captured]))
        if raw:
            packet = b2a_base64(data[at : at + captured], newline=False)
            told = b'%b,"data":"%b"' % (told, packet)
        rows.append(_ROW % (number, ts // SECOND, ts % SECOND, length, told))
    return b"[%b]" % b",".join(rows)


def packet_summaries(
    selection: Selection, linktype: int, *, raw: bool = False
) -> list[dict[str, object]]:
    """The same before encoding."""
    decode, head, data = decoder_of(linktype), EPB_HEADER_SIZE, selection.data
    items: list[dict[str, object]] = []
    for number, frame in zip(selection.numbers, selection.frames, strict=True):
        ts, length, captured, at, _ = frame
        packet = data[at + head : at + head + captured]
        source, destination, protocol, info = decode(packet)
        item: dict[str, object] = {
            "number": number,
            "time": time_text(ts),
            "length": length,
            "source": source,
            "destination": destination,
            "protocol": protocol,
            "info": info,
        }
        if raw:
            item["data"] = b2a_base64(packet, newline=False).decode()
        items.append(item)
    return items


def _encoded(summary: Summary) -> bytes:
    """The inside of a JSON object."""
    return orjson.dumps(summary._asdict())[1:-1]


def _never(_data: bytes, _at: int, _captured: int) -> None:
    """No packet is an ordinary one."""
