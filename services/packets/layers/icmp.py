"""ICMP (RFC 792; IANA, ICMP Parameters)."""

from struct import Struct

from services.packets.layers.summary import Summary, truncated

_HEADER = Struct(">BBHHH")

_UNREACHABLE = {
    0: "Network unreachable",
    1: "Host unreachable",
    2: "Protocol unreachable",
    3: "Port unreachable",
    4: "Fragmentation needed",
    5: "Source route failed",
    9: "Network administratively prohibited",
    10: "Host administratively prohibited",
    13: "Communication administratively filtered",
}
_REDIRECT = {0: "for network", 1: "for host", 2: "for TOS and network", 3: "for TOS and host"}
_EXCEEDED = {
    0: "Time to live exceeded in transit",
    1: "Fragment reassembly time exceeded",
}
_TYPES: dict[int, tuple[str, dict[int, str]]] = {
    0: ("Echo (ping) reply", {}),
    3: ("Destination unreachable", _UNREACHABLE),
    4: ("Source quench", {}),
    5: ("Redirect", _REDIRECT),
    8: ("Echo (ping) request", {}),
    9: ("Router advertisement", {}),
    10: ("Router solicitation", {}),
    11: ("Time-to-live exceeded", _EXCEEDED),
    12: ("Parameter problem", {}),
    13: ("Timestamp request", {}),
    14: ("Timestamp reply", {}),
    17: ("Address mask request", {}),
    18: ("Address mask reply", {}),
}
_WITH_SEQUENCE = frozenset((0, 8, 13, 14))


def icmp(data: bytes, at: int, end: int, source: str, destination: str) -> Summary:
    """An ICMP message."""
    stop = min(end, len(data))
    if stop - at < _HEADER.size:
        return truncated("ICMP", stop - at, _HEADER.size, source, destination)
    kind, code, _, identifier, sequence = _HEADER.unpack_from(data, at)
    name, codes = _TYPES.get(kind, (f"Type {kind}", {}))
    if kind in _WITH_SEQUENCE:
        info = f"{name} id=0x{identifier:04x}, seq={sequence}"
    else:
        info = f"{name} ({codes.get(code, f'code {code}')})"
    return Summary(source, destination, "ICMP", info)
