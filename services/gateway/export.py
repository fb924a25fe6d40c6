"""A capture as a pcapng file, in pieces, with the bytes of its packets as they were stored."""

import hashlib
from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from contracts.block import Block
from contracts.task import Capture
from services.gateway.digests import Digests
from services.gateway.pcapngfile import head, pieces, tail
from services.gateway.streaming import Slots
from services.packets.endpoints.port import PacketStore
from services.runtime.errors import CapflowError

BLOCKS_AT_ONCE = 2
"""Blocks that one export holds: 2 MiB at most."""


class Truncated(CapflowError):
    """The file that was begun cannot be whole: blocks have gone from the store, or the gateway
    ends."""


class Source(Protocol):
    """Where a file's blocks come from. Raises StoreUnavailable, Truncated."""

    async def begin(self) -> Capture:
        """The capture, once it is known what stands before its first packet."""

    async def blocks(self, number: int) -> Sequence[Block]:
        """A few blocks from block `number` on; none where no more will come."""

    async def end(self) -> Capture:
        """The capture as it is after its last block."""


class StoredBlocks:
    """A `Source`: what the store holds now."""

    def __init__(self, capture: Capture, store: PacketStore) -> None:
        self._capture = capture
        self._store = store

    async def begin(self) -> Capture:
        """The capture, as it is."""
        return self._capture

    async def blocks(self, number: int) -> Sequence[Block]:
        """The next blocks stored."""
        return await self._store.read_blocks(self._capture.session, number, limit=BLOCKS_AT_ONCE)

    async def end(self) -> Capture:
        """The capture, as it was."""
        return self._capture


async def pcapng_file(source: Source, digests: Digests, slots: Slots) -> AsyncGenerator[bytes]:
    """The file, in pieces.

    Raises StoreUnavailable or Truncated where the rest cannot be had: the connection then ends
    without the end of the body, so that nobody takes the part for the whole.
    """
    first = head(await source.begin())
    made = hashlib.sha256(first)
    yield first
    number = 0
    while blocks := await source.blocks(number):
        for block in blocks:
            slots.metrics.exported_bytes.inc(len(block.data))
            for piece in pieces(block.data):
                made.update(piece)
                yield piece
        number = blocks[-1].block + 1
    capture = _whole(await source.end(), number, slots)
    if last := tail(capture):
        made.update(last)
        yield last
    if capture.state.ended and head(capture) == first:
        await digests.keep(capture, made.hexdigest())


def _whole(capture: Capture, blocks: int, slots: Slots) -> Capture:
    if blocks < capture.ledger.blocks:
        slots.metrics.streams_cut.labels(slots.kind, "truncated").inc()
        raise Truncated(f"{capture.session} has {blocks} of {capture.ledger.blocks} blocks left")
    return capture
