"""What a capture's pcapng file says beside its packets; made of its record alone.

So the file of an ended capture has the same bytes whenever, wherever and however it is made.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from contracts.task import Capture
from services.packets.linktypes import ETHERNET
from services.packets.pcapng import interface_block, interface_statistics, section_header
from services.runtime.escaping import escape

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PIECE = 64 << 10
"""Bytes given to a connection at once: what a slow reader must take within its time."""


def head(capture: Capture) -> bytes:
    """Section and interface: where it was captured, with which filter, and who asked for it."""
    return section_header(
        application="Capflow", hardware=capture.resource, comment=_origin(capture)
    ) + interface_block(
        ETHERNET if capture.linktype is None else capture.linktype,
        capture.snaplen_in_force or 0,
        name=escape(capture.interface or capture.service),
        description=f"service {capture.service} of {capture.resource}",
        filter=capture.filter_in_force,
    )


def tail(capture: Capture) -> bytes:
    """The counts, once they are final, where Wireshark shows them; nothing before."""
    if not capture.state.ended or capture.stopped_at is None:
        return b""
    ended = _nanoseconds(capture.stopped_at)
    return interface_statistics(
        ended,
        started=_nanoseconds(capture.started_at) if capture.started_at else None,
        ended=ended,
        received=capture.ledger.seen,
        dropped=capture.ledger.dropped_kernel,
        delivered=capture.ledger.stored,
        comment=_end(capture),
    )


def pieces(data: bytes) -> Iterator[bytes]:
    """A block's bytes, cut for sending."""
    for at in range(0, len(data), PIECE):
        yield data[at : at + PIECE]


def _origin(capture: Capture) -> str:
    asked_at = capture.requested_at.astimezone(UTC).isoformat(timespec="seconds")
    return (
        f"session {capture.session}, task {capture.task_id}, "
        f"asked for by {escape(capture.requested_by)} at {asked_at}"
    )


def _end(capture: Capture) -> str:
    ledger = capture.ledger
    why = capture.error.detail if capture.error else ""
    return "; ".join(
        [
            f"{capture.state}: {capture.stop_reason}",
            f"{ledger.dropped_kernel} packets dropped by the kernel",
            f"{ledger.dropped_agent} by the agent",
            f"{ledger.beyond_limit} beyond the limit",
            *([escape(why)] if why else []),
        ]
    )


def _nanoseconds(at: datetime) -> int:
    """To the millisecond, as every store keeps it."""
    return (at - _EPOCH) // timedelta(milliseconds=1) * 1_000_000
