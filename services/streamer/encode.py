"""Blocks as WebSocket frames: JSON summaries, or pcapng whose bytes are passed on untouched."""

from typing import Literal, NamedTuple

import orjson

from contracts.block import Block
from contracts.model import Message
from contracts.stream import Gap
from contracts.task import Capture
from services.packets.pcapng import interface_block, section_header
from services.packets.program import Program
from services.packets.selection import select
from services.packets.summaries import json_packets
from services.streamer.frames import binary_frame, binary_header, text_frame

_ANNOUNCEMENT = 256
"""Bytes of an announcement, roughly."""


class Shape(NamedTuple):
    """How a viewer wants its packets: viewers of one shape share their frames."""

    format: Literal["json", "pcapng"] = "json"
    raw: bool = False
    filter: str = ""


class Batch(NamedTuple):
    """What a viewer is sent of one block."""

    frames: tuple[bytes, ...]
    """WebSocket frames, to be written one after the other; none where no packet passes."""
    sent: int
    filtered: int
    extra: int
    """Bytes of the frames beside the block's own."""


def encode(block: Block, cut: int, shape: Shape, program: Program | None, linktype: int) -> Batch:
    """The packets of a block, but its first `cut`, that pass the program.

    Raises Malformed where the block's bytes are not the packets that it counts.
    """
    first = block.first + cut
    if shape.format == "pcapng" and program is None and not cut:
        return Batch(_pcapng(block, first, block.data), block.count, 0, _ANNOUNCEMENT)
    selection = select(block, first=first, program=program)
    sent = len(selection.frames)
    if not sent:
        return Batch((), 0, selection.considered, 0)
    if shape.format == "pcapng":
        frames = _pcapng(block, first, selection.pcapng())
    else:
        frames = _json(block, first, json_packets(selection, linktype, raw=shape.raw))
    return Batch(frames, sent, selection.considered - sent, sum(map(len, frames)))


def no_packets(session: str, first: int, next: int, shape: Shape) -> tuple[bytes, ...]:
    """The batch of a range from which a filter kept all."""
    if shape.format == "pcapng":
        return (text_frame(_packets(session, first, next)), binary_frame(b""))
    return (text_frame(_packets(session, first, next, packets=[])),)


def file_header(capture: Capture, linktype: int) -> bytes:
    """The frame before the first blocks: section and interface headers (draft-ietf-opsawg-pcapng,
    sections 4.1 and 4.2)."""
    section = section_header(application="Capflow", comment=capture.session)
    name = capture.interface or capture.service
    interface = interface_block(linktype, capture.snaplen or 0, name=name, filter=capture.filter)
    return binary_frame(section + interface)


def message(model: Message) -> bytes:
    """A message as a text frame."""
    without_none = isinstance(model, Gap)  # a kernel drop has no `first`
    return text_frame(model.model_dump_json(exclude_none=without_none).encode())


def _pcapng(block: Block, first: int, data: bytes) -> tuple[bytes, ...]:
    announced = text_frame(_packets(block.session, first, block.next))
    return (announced, binary_header(len(data)), data)


def _json(block: Block, first: int, packets: bytes) -> tuple[bytes, ...]:
    head = _packets(block.session, first, block.next)
    return (text_frame(b"".join((head[:-1], b',"packets":', packets, b"}"))),)


def _packets(session: str, first: int, next: int, **more: object) -> bytes:
    return orjson.dumps(
        {"type": "packets", "session": session, "first": first, "next": next, **more}
    )
