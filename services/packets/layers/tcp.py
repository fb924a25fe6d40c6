"""TCP segments (RFC 9293), and what is known by its first bytes inside them."""

from collections.abc import Callable
from struct import Struct

from services.packets.layers.dns import DNS_PORT, dns
from services.packets.layers.http import FIRST_BYTES as HTTP_FIRST_BYTES
from services.packets.layers.http import http
from services.packets.layers.ports import cut_off
from services.packets.layers.summary import Summary, malformed
from services.packets.layers.tls import FIRST_BYTES as TLS_FIRST_BYTES
from services.packets.layers.tls import tls

_HEADER = Struct(">HHIIHH")
_HEADER_SIZE = 20
ACK = 0x10

_FLAG_NAMES = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", "AE")


def _flags(bits: int) -> str:
    names = [name for bit, name in enumerate(_FLAG_NAMES) if bits >> bit & 1]
    return ", ".join(names) or "<None>"


FLAGS = [_flags(bits) for bits in range(512)]
"""The names of the flags, by the nine bits that they are."""

Guess = Callable[[bytes, int, int], str | None]
GUESSES: dict[int, tuple[str, Guess]] = {
    **dict.fromkeys(TLS_FIRST_BYTES, ("TLS", tls)),
    **dict.fromkeys(HTTP_FIRST_BYTES, ("HTTP", http)),
}
"""By the first byte of a payload, what it may be."""


def tcp(data: bytes, at: int, end: int, source: str, destination: str) -> Summary:
    """A segment; of DNS, TLS and HTTP what it says, of others ports, flags and numbers."""
    stop = min(end, len(data))
    if stop - at < _HEADER_SIZE:
        return cut_off("TCP", _HEADER_SIZE, data, at, stop, source, destination)
    sport, dport, sequence, acknowledged, bits, window = _HEADER.unpack_from(data, at)
    source, destination = f"{source}:{sport}", f"{destination}:{dport}"
    payload = at + ((bits >> 12) << 2)
    if payload - at < _HEADER_SIZE:
        return malformed("TCP", f"header of {payload - at} bytes", source, destination)
    if payload < stop:
        application = _application(data, payload, stop, sport, dport)
        if application:
            return Summary(source, destination, *application)
    ack = f" Ack={acknowledged}" if bits & ACK else ""
    info = (
        f"{sport} → {dport} [{FLAGS[bits & 0x1FF]}] Seq={sequence}{ack} "
        f"Win={window} Len={max(end - payload, 0)}"
    )
    return Summary(source, destination, "TCP", info)


def _application(data: bytes, at: int, stop: int, sport: int, dport: int) -> tuple[str, str] | None:
    """Protocol and info of what the segment carries, where that is known."""
    if DNS_PORT in (sport, dport):  # a length of two bytes goes before each message
        info = dns(data, at + 2, stop) if stop - at > 2 else None
        return ("DNS", info) if info else None
    guess = GUESSES.get(data[at])
    if guess is None:
        return None
    info = guess[1](data, at, stop)
    return (guess[0], info) if info else None
