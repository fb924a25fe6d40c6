"""A packet taken apart by Scapy: its layers, their fields, and where in it each lies.

Scapy keeps values and forgets places, so each layer's fields are read once more, as it reads them
itself, with an eye on how much is left. Imported in the dissecting process alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from scapy.fields import ConditionalField, MayEnd
from scapy.packet import NoPayload, Packet

from services.gateway.dissection.plain import MOST_TEXT, shown_text, value_of
from services.packets.layers.summary import escaped

MOST_LAYERS = 64
MOST_FIELDS = 2000
_MOST_DEPTH = 8
"""How deep a packet within a field, as a record in a DNS answer, may hold others."""

Item = dict[str, Any]


class _Enough(Exception):
    """There are more fields than are shown."""


@dataclass(slots=True)
class _Room:
    """How many fields may still be shown."""

    left: int = MOST_FIELDS

    def take(self) -> None:
        if self.left == 0:
            raise _Enough
        self.left -= 1


def taken_apart(packet: Packet, data: bytes) -> tuple[list[Item], str | None]:
    """The layers of a packet that was dissected from `data`, and a note where some are left out.

    Each is `{name, offset, length, fields: [{name, offset, length, value, shown}]}`. Offsets and
    lengths are bytes of the packet; none where something is not in it as it stands.
    """
    layers: list[Item] = []
    room, at = _Room(), 0
    for layer in _chain(packet):
        if len(layers) == MOST_LAYERS:
            return layers, f"only the first {MOST_LAYERS} layers are shown"
        item, at = _layer(layer, data, at)
        layers.append(item)
        try:
            for field in _fields(layer, data, item["offset"], room):
                item["fields"].append(field)
        except _Enough:
            return layers, f"only the first {MOST_FIELDS} fields are shown"
    return layers, None


def _chain(packet: Packet) -> Iterator[Packet]:
    while not isinstance(packet, NoPayload):
        yield packet
        packet = packet.payload


def _layer(layer: Packet, data: bytes, at: int) -> tuple[Item, int]:
    """A layer without its fields, and where the next one begins."""
    header = _header(layer)
    there = data.startswith(header, at)
    item: Item = {
        "name": shown_text(str(layer.name)),
        "offset": at if there else None,
        "length": len(header) if there else None,
        "fields": [],
    }
    return item, at + len(header)


def _header(layer: Packet) -> bytes:
    """The bytes of a layer without its payload."""
    cached = layer.raw_packet_cache
    if cached is not None:
        return bytes(cached)
    rest = len(layer.payload.original or b"")
    return bytes(layer.original or b"")[: -rest or None]


def _fields(
    layer: Packet, data: bytes, at: int | None, room: _Room, prefix: str = "", depth: int = 0
) -> Iterator[Item]:
    """A layer's fields in their order; those of packets within a field follow it."""
    for field, value, place in _placed(layer, data, at):
        room.take()
        yield _item(layer, field, prefix, value, place)
        if depth < _MOST_DEPTH:
            begin = None if place is None else place[0]
            yield from _within(f"{prefix}{field.name}", value, data, begin, room, depth)


def _placed(
    layer: Packet, data: bytes, at: int | None
) -> Iterator[tuple[Any, Any, tuple[int, int] | None]]:
    """Each field that a layer has, its value, and its offset and length."""
    header = _header(layer)
    raw = header if at is None else data[at : at + max(len(header), len(layer.original or b""))]
    places: dict[str, tuple[int, int]] = {}
    try:
        for name, before, after in _read_again(layer, raw):
            start, stop = 8 * len(raw) - before, 8 * len(raw) - after
            places[name] = (start // 8, -(-stop // 8) - start // 8)
    except Exception:  # noqa: S110 - a layer that reads itself in a way of its own
        pass
    for field in layer.fields_desc:
        if field.name in layer.fields:
            value = layer.fields[field.name]
            place = _sure(places.get(field.name), value, header)
            absolute = None if at is None or place is None else (at + place[0], place[1])
            yield field, value, absolute


def _sure(place: tuple[int, int] | None, value: Any, header: bytes) -> tuple[int, int] | None:
    """A place that is known, or found: text that a layer was searched for, if it is there once."""
    searched = isinstance(value, bytes) and value and (place is None or place[1] != len(value))
    if searched and header.count(value) == 1:
        return header.index(value), len(value)
    return place if place is not None and (place[1] or not value) else None


def _read_again(layer: Packet, raw: bytes) -> Iterator[tuple[str, int, int]]:
    """Each field of a layer, and the bits left before and after it."""
    rest: Any = raw
    for field in layer.fields_desc:
        before = _bits(rest)
        rest, found = field.getfield(layer, rest)
        inner = field.fld if isinstance(field, ConditionalField) else field
        if inner is not field and found is None:
            continue
        yield field.name, before, _bits(rest)
        if not rest and isinstance(inner, MayEnd):
            return


def _bits(rest: Any) -> int:
    """How many bits are left; within a byte Scapy hands on the bytes and the bits used up."""
    return 8 * len(rest[0]) - rest[1] if isinstance(rest, tuple) else 8 * len(rest)


def _item(
    layer: Packet, field: Any, prefix: str, value: Any, place: tuple[int, int] | None
) -> Item:
    inner = _packets(value)
    return {
        "name": shown_text(f"{prefix}{field.name}"),
        "offset": place and place[0],
        "length": place and place[1],
        "value": None if inner else value_of(value),
        "shown": f"{len(inner)} inside" if inner else _shown(layer, field, value),
    }


def _shown(layer: Packet, field: Any, value: Any) -> str:
    shown = str(field.i2repr(layer, value))
    if isinstance(value, bytes) and shown == repr(value):
        return escaped(value, MOST_TEXT)
    return shown_text(shown)


def _within(
    name: str, value: Any, data: bytes, begin: int | None, room: _Room, depth: int
) -> Iterator[Item]:
    """The fields of the packets that a field holds, one after the other."""
    at = begin
    for index, packet in enumerate(_packets(value)):
        prefix = f"{name}[{index}]." if isinstance(value, list) else f"{name}."
        for layer in _chain(packet):
            header = _header(layer)
            there = at is not None and data.startswith(header, at)
            yield from _fields(layer, data, at if there else None, room, prefix, depth + 1)
            at = None if at is None else at + len(header)


def _packets(value: Any) -> list[Packet]:
    if isinstance(value, Packet):
        return [value]
    if isinstance(value, list) and value and all(isinstance(each, Packet) for each in value):
        return value
    return []
