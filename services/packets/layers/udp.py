"""UDP datagrams (RFC 768), and DNS inside them."""

from struct import Struct

from services.packets.layers.dns import UDP_PORTS, dns
from services.packets.layers.ports import cut_off
from services.packets.layers.summary import Summary

_HEADER = Struct(">HHH")
_HEADER_SIZE = 8


def udp(data: bytes, at: int, end: int, source: str, destination: str) -> Summary:
    """A datagram; of DNS what it says, of others ports and length."""
    stop = min(end, len(data))
    if stop - at < _HEADER_SIZE:
        return cut_off("UDP", _HEADER_SIZE, data, at, stop, source, destination)
    sport, dport, length = _HEADER.unpack_from(data, at)
    source, destination = f"{source}:{sport}", f"{destination}:{dport}"
    protocol = UDP_PORTS.get(dport) or UDP_PORTS.get(sport)
    if protocol:
        info = dns(data, at + _HEADER_SIZE, stop)
        if info:
            return Summary(source, destination, protocol, info)
    if length < _HEADER_SIZE:  # 0 is a jumbogram, or a datagram yet to be cut
        length = max(end - at, _HEADER_SIZE)
    info = f"{sport} → {dport} Len={length - _HEADER_SIZE}"
    return Summary(source, destination, "UDP", info)
