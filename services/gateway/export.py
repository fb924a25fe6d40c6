"""A capture as a pcapng file, streamed as it lies in the store."""

from collections.abc import AsyncIterator
from datetime import datetime

from contracts.task import Capture
from services.gateway.streaming import Slots, SlottedResponse
from services.packets.endpoints.port import PacketStore
from services.packets.linktypes import ETHERNET
from services.packets.pcapng import interface_block, interface_statistics, section_header
from services.runtime.errors import CapflowError

MEDIA_TYPE = "application/x-pcapng"
MOST_AT_ONCE = 32
_BLOCKS_AT_ONCE = 2
_PIECE = 64 << 10
"""Bytes given to the connection at once: what a slow reader must take within its time."""


class Truncated(CapflowError):
    """Blocks that were stored are no longer there; the file that was begun cannot be whole."""


async def pcapng_file(capture: Capture, store: PacketStore, slots: Slots) -> AsyncIterator[bytes]:
    """The file, in pieces; at most two blocks are held at a time.

    Raises StoreUnavailable or Truncated where the rest cannot be had: the connection then ends
    without the end of the body, so that nobody takes the part for the whole.
    """
    yield _head(capture)
    blocks = 0
    while read := await store.read_blocks(capture.session, blocks, limit=_BLOCKS_AT_ONCE):
        for block in read:
            for piece in _pieces(block.data):
                yield piece
        blocks = read[-1].block + 1
    if blocks < capture.ledger.blocks:
        slots.metrics.streams_cut.labels(slots.kind, "truncated").inc()
        raise Truncated(f"{capture.session} has {blocks} of {capture.ledger.blocks} blocks left")
    yield _tail(capture)


async def export_response(capture: Capture, store: PacketStore, slots: Slots) -> SlottedResponse:
    """The response that sends a capture's file. Raises Refused, and StoreUnavailable while an
    error can still be told."""
    await store.read_blocks(capture.session, 0, limit=1)
    name = f'attachment; filename="{capture.session}.pcapng"'
    pieces = _counted(pcapng_file(capture, store, slots), slots)
    return SlottedResponse(pieces, slots, MEDIA_TYPE, {"Content-Disposition": name})


async def _counted(pieces: AsyncIterator[bytes], slots: Slots) -> AsyncIterator[bytes]:
    async for piece in pieces:
        slots.metrics.exported_bytes.inc(len(piece))
        yield piece


def _head(capture: Capture) -> bytes:
    section = section_header(
        application="Capflow",
        hardware=capture.resource,
        comment=f"{capture.session}, asked for by {capture.requested_by}",
    )
    linktype = ETHERNET if capture.linktype is None else capture.linktype
    name = capture.interface or capture.service
    return section + interface_block(
        linktype, capture.snaplen or 0, name=name, filter=capture.filter
    )


def _tail(capture: Capture) -> bytes:
    """The kernel's counters, once they are final, where Wireshark shows them."""
    if not capture.state.ended or capture.stopped_at is None:
        return b""
    return interface_statistics(
        _nanoseconds(capture.stopped_at),
        started=_nanoseconds(capture.started_at) if capture.started_at else None,
        ended=_nanoseconds(capture.stopped_at),
        received=capture.ledger.seen,
        dropped=capture.ledger.dropped_kernel,
    )


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000) * 1000


def _pieces(data: bytes) -> list[bytes]:
    return [data[at : at + _PIECE] for at in range(0, len(data), _PIECE)]
