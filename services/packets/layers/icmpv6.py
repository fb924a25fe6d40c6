"""ICMPv6 (RFC 4443), neighbour discovery (RFC 4861), multicast listeners (RFC 3810)."""

from socket import AF_INET6, inet_ntop
from struct import Struct

from services.packets.layers.summary import Summary, truncated

_HEADER = Struct(">BBHI")
_TARGET_AT = 8
_TARGET_END = 24

_UNREACHABLE = {
    0: "no route to destination",
    1: "administratively prohibited",
    2: "beyond scope of source address",
    3: "address unreachable",
    4: "port unreachable",
    5: "source address failed policy",
    6: "route rejected",
}
_EXCEEDED = {0: "hop limit exceeded in transit", 1: "fragment reassembly time exceeded"}
_PROBLEM = {0: "erroneous header field", 1: "unrecognized next header", 2: "unrecognized option"}
_TYPES: dict[int, tuple[str, dict[int, str]]] = {
    1: ("Destination Unreachable", _UNREACHABLE),
    3: ("Time Exceeded", _EXCEEDED),
    4: ("Parameter Problem", _PROBLEM),
}
_PLAIN = {
    130: "Multicast Listener Query",
    131: "Multicast Listener Report",
    132: "Multicast Listener Done",
    133: "Router Solicitation",
    134: "Router Advertisement",
    143: "Multicast Listener Report Message v2",
}
_TOO_BIG, _ECHO_REQUEST, _ECHO_REPLY = 2, 128, 129
_SOLICITATION, _ADVERTISEMENT, _REDIRECT = 135, 136, 137
_ADVERTISEMENT_FLAGS = ((31, "rtr"), (30, "sol"), (29, "ovr"))


def icmpv6(data: bytes, at: int, end: int, source: str, destination: str) -> Summary:
    """An ICMPv6 message."""
    stop = min(end, len(data))
    if stop - at < _HEADER.size:
        return truncated("ICMPv6", stop - at, _HEADER.size, source, destination)
    kind, code, _, rest = _HEADER.unpack_from(data, at)
    return Summary(source, destination, "ICMPv6", _info(data, at, stop, kind, code, rest))


def _info(data: bytes, at: int, stop: int, kind: int, code: int, rest: int) -> str:
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind in _TYPES:
        name, codes = _TYPES[kind]
        return f"{name} ({codes.get(code, f'code {code}')})"
    if kind in (_ECHO_REQUEST, _ECHO_REPLY):
        word = "request" if kind == _ECHO_REQUEST else "reply"
        return f"Echo (ping) {word} id=0x{rest >> 16:04x}, seq={rest & 0xFFFF}"
    if kind in (_SOLICITATION, _ADVERTISEMENT, _REDIRECT):
        return _neighbour(kind, rest, data[at + _TARGET_AT : min(at + _TARGET_END, stop)])
    return f"Packet Too Big (MTU {rest})" if kind == _TOO_BIG else f"Type {kind} (code {code})"


def _neighbour(kind: int, flags: int, target: bytes) -> str:
    address = inet_ntop(AF_INET6, target) if len(target) == 16 else "[Truncated]"
    if kind == _SOLICITATION:
        return f"Neighbor Solicitation for {address}"
    if kind == _REDIRECT:
        return f"Redirect to {address}"
    names = ", ".join(name for bit, name in _ADVERTISEMENT_FLAGS if flags >> bit & 1)
    return (
        f"Neighbor Advertisement {address} ({names})"
        if names
        else f"Neighbor Advertisement {address}"
    )
