"""Stored packets as summaries, a page at a time, with a bound on what one page may cost."""

import asyncio

from pydantic import TypeAdapter

from contracts.block import Block
from contracts.rest import Page
from contracts.stream import PacketSummary
from contracts.task import Capture
from services.packets.endpoints.port import PacketStore
from services.packets.linktypes import ETHERNET
from services.packets.pcapng import Malformed
from services.packets.program import Program
from services.packets.selection import select
from services.packets.summaries import packet_summaries
from services.runtime import logs

_SUMMARIES = TypeAdapter(list[PacketSummary])
_MOST_BLOCKS = 64
"""Blocks read for one page: a filter that little passes must not read a capture to its end."""


async def summaries(
    capture: Capture, store: PacketStore, start: int, limit: int, program: Program
) -> Page[PacketSummary]:
    """Up to `limit` packets from number `start` that pass the filter.

    `next_cursor` is the number to go on from, as text; a page may hold fewer packets than asked
    for, or none, and still have one. There is none where nothing more is stored.
    """
    items: list[PacketSummary] = []
    block = await store.block_with(capture.session, start)
    for _ in range(_MOST_BLOCKS):
        if block is None:
            return Page(items=items, next_cursor=None)
        room = limit - len(items)
        found = await asyncio.to_thread(_passing, block, capture, start, room, program)
        items += found
        if len(items) >= limit:
            return Page(items=items, next_cursor=str(items[-1].number + 1))
        start = block.next
        block = await _after(store, block)
    return Page(items=items, next_cursor=str(start))


async def _after(store: PacketStore, block: Block) -> Block | None:
    blocks = await store.read_blocks(block.session, block.block + 1, limit=1)
    return blocks[0] if blocks else None


def _passing(
    block: Block, capture: Capture, start: int, room: int, program: Program
) -> list[PacketSummary]:
    """The first `room` packets of a block from number `start` that pass."""
    try:
        chosen = select(block, first=start, program=program)
    except Malformed as error:  # an agent's fault: the rest of the capture can still be read
        logs.get("gateway").error("a stored block is damaged", block=block.id, reason=str(error))
        return []
    linktype = ETHERNET if capture.linktype is None else capture.linktype
    page = chosen._replace(numbers=chosen.numbers[:room], frames=chosen.frames[:room])
    return _SUMMARIES.validate_python(packet_summaries(page, linktype))
