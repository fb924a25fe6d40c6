"""Packets and what happens to a stream, as lines for people."""

from datetime import datetime

import click

from contracts.stream import Gap, PacketSummary
from services.runtime.escaping import escape

_GAPS = {
    "slow-viewer": "skipped: this viewer was too slow (read them later with --from {first})",
    "agent-drop": "lost: the agent could not keep them",
    "expired": "gone: their time in the store is over",
    "unknown": "not known: the agent ended without telling",
    "kernel-drop": "dropped by the kernel of the host: the ring was full",
}
_COLOURS = {"TCP": "green", "UDP": "blue", "DNS": "cyan", "ARP": "yellow", "HTTP": "magenta",
            "TLS": "magenta", "ICMP": "red", "ICMPv6": "red"}  # fmt: skip


def packet_line(packet: PacketSummary, coloured: bool = False) -> str:
    """A packet as `tcpdump --number` would show it: number, time, who to whom, what."""
    number, time, protocol = f"{packet.number:>6}", clock(packet.time), escape(packet.protocol)
    what = ", ".join(filter(None, (_info(packet), f"length {packet.length}")))
    rest = escape(f"{packet.source} > {packet.destination}: {what}")
    if coloured:
        number, time = click.style(number, dim=True), click.style(time, dim=True)
        protocol = click.style(protocol, fg=_COLOURS.get(packet.protocol), bold=True)
    return f"{number} {time} {protocol} {rest}"


def gap_line(gap: Gap) -> str:
    """A hole, where it is and whose fault."""
    meaning = _GAPS[gap.reason].format(first=gap.first)
    if not gap.count:
        return f"gap: how many packets came from {gap.first} on is {meaning}"
    if gap.first is None:
        return f"gap: {gap.count} packets {meaning}"
    return f"gap: {gap.count} packets from {gap.first} {meaning}"


def clock(time: str) -> str:
    """`HH:MM:SS.ffffff` in the reader's time zone, of seconds since 1970 with decimals."""
    seconds, _, fraction = time.partition(".")
    at = datetime.fromtimestamp(int(seconds))
    return f"{at:%H:%M:%S}.{fraction[:6].ljust(6, '0')}"


def _info(packet: PacketSummary) -> str:
    """What is said of it, without the ports, which the addresses have."""
    source, destination = packet.source.rpartition(":")[2], packet.destination.rpartition(":")[2]
    return packet.info.removeprefix(f"{source} → {destination}").lstrip()
