"""UDP datagrams (RFC 768), and DNS inside them."""

from struct import Struct

from services.packets.layers.dns import UDP_PORTS, dns
from services.packets.layers.summary import Summary, truncated

_HEADER = Struct(">HHH")
_HEADER_SIZE = 8
_PORTS_SIZE = 4


def udp(data: bytes, at: int, end: int, source: str, destination: str) -> Summary:
    """A datagram; of DNS what it says, of others ports and length."""
    stop = min(end, len(data))
    if stop - at < _HEADER_SIZE:
        return _short(data, at, stop, source, destination)
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


def _short(data: bytes, at: int, stop: int, source: str, destination: str) -> Summary:
    if stop - at >= _PORTS_SIZE:
        sport, dport = (data[at] << 8) | data[at + 1], (data[at + 2] << 8) | data[at + 3]
        source, destination = f"{source}:{sport}", f"{destination}:{dport}"
    else:
        source, destination = source.strip("[]"), destination.strip("[]")
    return truncated("UDP", stop - at, _HEADER_SIZE, source, destination)
