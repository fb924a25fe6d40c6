"""One stored packet: found by its number, and told with all that can be read of it."""

import asyncio
from base64 import b64encode
from typing import NamedTuple

from contracts.block import Block
from contracts.dissection import PacketDetails, PacketLine
from contracts.task import Capture
from services.gateway.dissection.dissector import Dissector
from services.gateway.problems import Refused
from services.packets.endpoints.port import PacketStore
from services.packets.linktypes import ETHERNET
from services.packets.pcapng import EPB_HEADER_SIZE, Malformed
from services.packets.selection import select
from services.packets.summaries import time_text
from services.packets.summary import summarise


class _Stored(NamedTuple):
    ts: int
    length: int
    data: bytes


async def details(
    capture: Capture, store: PacketStore, number: int, dissector: Dissector
) -> PacketDetails:
    """The packet of that number. Raises Refused where it is not stored, StoreUnavailable."""
    block = await store.block_with(capture.session, number)
    if block is None or number < block.first:
        raise _absent(capture, number, lies_before=block is not None)
    packet = await asyncio.to_thread(_packet, block, number)
    linktype = ETHERNET if capture.linktype is None else capture.linktype
    summary = summarise(packet.data, linktype)
    layers, note = await dissector.layers(packet.data, linktype)
    return PacketDetails.model_validate(
        {
            "session": capture.session,
            "number": number,
            "time": time_text(packet.ts),
            "length": packet.length,
            "captured": len(packet.data),
            "summary": PacketLine(**summary._asdict()),
            "data": b64encode(packet.data).decode(),
            "layers": layers,
            "note": note,
        }
    )


def _packet(block: Block, number: int) -> _Stored:
    try:
        frame = select(block, first=number, below=number + 1).frames[0]
    except (Malformed, IndexError):
        detail = f"packet {number} is in block {block.id}, which is damaged and cannot be read"
        raise Refused("unknown-packet", detail) from None
    ts, length, captured, at, _ = frame
    return _Stored(ts, length, block.data[at + EPB_HEADER_SIZE : at + EPB_HEADER_SIZE + captured])


def _absent(capture: Capture, number: int, *, lies_before: bool) -> Refused:
    """The 404: never captured, dropped on its way (a gap), or not here yet."""
    session, captured = capture.session, capture.ledger.captured
    if lies_before or (capture.state.ended and number < captured):
        detail = f"packet {number} of {session} was captured, and lost before it was stored: a gap"
        return Refused("dropped-packet", detail, session=session)
    if capture.state.ended:
        detail = f"{session} has no packet {number}: it captured {captured}, numbered from 0"
    elif number < captured:
        detail = f"packet {number} of {session} was captured and is not stored yet; ask again"
    else:
        detail = f"{session} has no packet {number} yet"
    return Refused("unknown-packet", detail, session=session)
