"""Packets and what happens to a stream, as lines for people."""

from datetime import datetime

from contracts.stream import Gap, PacketSummary
from services.runtime.escaping import escape

_GAPS = {
    "slow-viewer": "skipped: this viewer was too slow (read them later with --from {first})",
    "agent-drop": "lost: the agent could not keep them",
    "expired": "gone: their time in the store is over",
    "unknown": "not known: the agent ended without telling",
    "kernel-drop": "dropped by the kernel of the host: the ring was full",
}


def packet_line(packet: PacketSummary) -> str:
    """A packet as tcpdump would show it: number, time, who to whom, what."""
    line = (
        f"{packet.number:>6} {clock(packet.time)} {packet.source} > {packet.destination}"
        f" {packet.protocol} {packet.length}"
    )
    return escape(f"{line} {packet.info}".rstrip())


def gap_line(gap: Gap) -> str:
    """A hole, where it is and whose fault."""
    meaning = _GAPS[gap.reason].format(first=gap.first)
    if gap.first is None:
        return f"gap: {gap.count} packets {meaning}"
    return f"gap: {gap.count} packets from {gap.first} {meaning}"


def clock(time: str) -> str:
    """`HH:MM:SS.ffffff` in the reader's time zone, of seconds since 1970 with decimals."""
    seconds, _, fraction = time.partition(".")
    at = datetime.fromtimestamp(int(seconds))
    return f"{at:%H:%M:%S}.{fraction[:6].ljust(6, '0')}"
