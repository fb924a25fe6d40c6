"""Blocks as WebSocket frames: JSON summaries, or pcapng whose bytes are passed on untouched."""

from typing import Literal, NamedTuple

import orjson

from contracts.block import Block
from contracts.model import Message
from contracts.stream import Gap
from contracts.task import Capture
from services.packets.pcapng import interface_block, section_header
from services.packets.program import Program
from services.packets.selection import Selection, select
from services.packets.summaries import json_packets
from services.streamer.frames import binary_frame, binary_header, text_frame

_ANNOUNCEMENT = 256
"""Bytes of an announcement, roughly."""
_RAW_PIECE = 256 << 10
"""Bytes of a block in one message with `raw`: base64 and all, less than 1 MiB."""


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
        frames = _json(block, first, selection, shape.raw, linktype)
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
    interface = interface_block(
        linktype,
        capture.snaplen_in_force or 0,
        name=capture.interface or capture.service,
        filter=capture.filter_in_force,
    )
    return binary_frame(section + interface)


def message(model: Message) -> bytes:
    """A message as a text frame."""
    without_none = isinstance(model, Gap)  # a kernel drop has no `first`
    return text_frame(model.model_dump_json(exclude_none=without_none).encode())


def _pcapng(block: Block, first: int, data: bytes) -> tuple[bytes, ...]:
    announced = text_frame(_packets(block.session, first, block.next))
    return (announced, binary_header(len(data)), data)


def _json(
    block: Block, first: int, selection: Selection, raw: bool, linktype: int
) -> tuple[bytes, ...]:
    """The packets as one message; with their bytes, as several of a size that any client takes."""
    pieces = 1 + (len(block.data) // _RAW_PIECE if raw else 0)
    step = -(-len(selection.numbers) // pieces)
    cuts = range(0, len(selection.numbers), step)
    edges = [first, *(selection.numbers[at] for at in cuts[1:]), block.next]
    frames = []
    for at, begin, end in zip(cuts, edges, edges[1:], strict=False):
        numbers, packets = selection.numbers[at : at + step], selection.frames[at : at + step]
        part = selection._replace(numbers=numbers, frames=packets)
        rows = json_packets(part, linktype, raw=raw)
        head = _packets(block.session, begin, end)
        frames.append(text_frame(b"".join((head[:-1], b',"packets":', rows, b"}"))))
    return tuple(frames)


def _packets(session: str, first: int, next: int, **more: object) -> bytes:
    return orjson.dumps(
        {"type": "packets", "session": session, "first": first, "next": next, **more}
    )
