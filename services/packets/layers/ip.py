"""IPv4 (RFC 791) and IPv6 (RFC 8200) with its extension headers."""

from collections.abc import Callable
from socket import AF_INET6, inet_ntoa, inet_ntop
from struct import Struct

from services.packets.layers.icmp import icmp
from services.packets.layers.icmpv6 import icmpv6
from services.packets.layers.ip_protocols import name_of
from services.packets.layers.summary import Summary, malformed, truncated
from services.packets.layers.tcp import tcp
from services.packets.layers.udp import udp

MAX_EXTENSIONS = 8
MAX_TUNNELS = 4

Upper = Callable[[bytes, int, int, str, str], Summary]

# Version and header length, total length, identification, flags and fragment offset, protocol.
_IPV4 = Struct(">BxHHHxBxx4s4s")
_IPV6 = Struct(">IHBx16s16s")
_FRAGMENT_OFFSET = 0x1FFF

_TCP, _UDP, _ICMP, _ICMPV6 = 6, 17, 1, 58
_IPV4_INSIDE, _IPV6_INSIDE = 4, 41
_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _NO_NEXT, _OPTIONS = 0, 43, 44, 51, 59, 60
_EXTENSIONS = frozenset((_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _OPTIONS, 135, 139))

_UPPER: dict[int, Upper] = {_TCP: tcp, _UDP: udp, _ICMP: icmp, _ICMPV6: icmpv6}
_WITH_PORTS = frozenset((_TCP, _UDP))


def ipv4(data: bytes, at: int, tunnels: int = 0) -> Summary:
    """An IPv4 packet."""
    if len(data) - at < _IPV4.size:
        return truncated("IPv4", len(data) - at, _IPV4.size)
    first, total, identification, fragment, protocol, sender, receiver = _IPV4.unpack_from(data, at)
    source, destination = inet_ntoa(sender), inet_ntoa(receiver)
    header = (first & 15) << 2
    if first >> 4 != 4 or header < _IPV4.size:
        return _bad_ipv4(first, header, source, destination)
    # A total length of 0 is a segment the network card has yet to cut: it ends with the data.
    end = at + total if total >= header else len(data)
    if fragment & _FRAGMENT_OFFSET:
        offset = (fragment & _FRAGMENT_OFFSET) << 3
        return _later_fragment("IPv4", protocol, offset, identification, source, destination)
    upper = _UPPER.get(protocol)
    if upper is None:
        return _other(data, at + header, end, source, destination, protocol, tunnels)
    return upper(data, at + header, end, source, destination)


def ipv6(data: bytes, at: int, tunnels: int = 0) -> Summary:
    """An IPv6 packet; what follows its extension headers, at most eight."""
    if len(data) - at < _IPV6.size:
        return truncated("IPv6", len(data) - at, _IPV6.size)
    first, length, protocol, sender, receiver = _IPV6.unpack_from(data, at)
    source, destination = inet_ntop(AF_INET6, sender), inet_ntop(AF_INET6, receiver)
    if first >> 28 != 6:
        return malformed("IPv6", f"version {first >> 28}", source, destination)
    start = at + _IPV6.size
    # A payload length of 0 is a jumbogram or a segment yet to be cut: it ends with the data.
    end = start + length if length else len(data)
    if protocol in _EXTENSIONS:
        found = _behind_extensions(data, start, protocol, source, destination)
        if isinstance(found, Summary):
            return found
        protocol, start = found
    upper = _UPPER.get(protocol)
    if upper is None:
        return _other(data, start, end, source, destination, protocol, tunnels)
    if protocol in _WITH_PORTS:
        return upper(data, start, end, f"[{source}]", f"[{destination}]")
    return upper(data, start, end, source, destination)


def ip(data: bytes, at: int, tunnels: int = 0) -> Summary:
    """An IP packet of the version that its first four bits say."""
    if len(data) <= at:
        return truncated("IP", 0, _IPV4.size)
    version = data[at] >> 4
    if version == 4:
        return ipv4(data, at, tunnels)
    return ipv6(data, at, tunnels) if version == 6 else malformed("IP", f"version {version}")


def _bad_ipv4(first: int, header: int, source: str, destination: str) -> Summary:
    if first >> 4 != 4:
        return malformed("IPv4", f"version {first >> 4}", source, destination)
    return malformed("IPv4", f"header of {header} bytes", source, destination)


def _behind_extensions(
    data: bytes, at: int, protocol: int, source: str, destination: str
) -> tuple[int, int] | Summary:
    """The protocol after the extension headers, and where it begins."""
    for _ in range(MAX_EXTENSIONS):
        if protocol not in _EXTENSIONS:
            return protocol, at
        if len(data) - at < 8:
            return truncated("IPv6", len(data) - at, 8, source, destination)
        if protocol == _FRAGMENT:
            offset = ((data[at + 2] << 8) | data[at + 3]) & ~7
            if offset:
                identification = int.from_bytes(data[at + 4 : at + 8])
                following = data[at]
                return _later_fragment(
                    "IPv6", following, offset, identification, source, destination
                )
        protocol, at = data[at], at + _extension_size(protocol, data[at + 1])
    if protocol in _EXTENSIONS:
        return malformed("IPv6", f"over {MAX_EXTENSIONS} extension headers", source, destination)
    return protocol, at


def _extension_size(protocol: int, length: int) -> int:
    if protocol == _FRAGMENT:
        return 8
    return (length + 2) << 2 if protocol == _AUTHENTICATION else (length + 1) << 3


def _later_fragment(
    version: str, protocol: int, offset: int, identification: int, source: str, destination: str
) -> Summary:
    what = f"proto={name_of(protocol)} {protocol}, off={offset}, ID={identification:04x}"
    return Summary(source, destination, version, f"Fragmented IP protocol ({what})")


def _other(
    data: bytes, at: int, end: int, source: str, destination: str, protocol: int, tunnels: int
) -> Summary:
    if protocol in (_IPV4_INSIDE, _IPV6_INSIDE) and tunnels < MAX_TUNNELS and len(data) > at:
        inside = ipv4 if protocol == _IPV4_INSIDE else ipv6
        return inside(data, at, tunnels + 1)
    if protocol == _NO_NEXT:
        return Summary(source, destination, "IPv6", "No next header")
    name = name_of(protocol)
    return Summary(source, destination, name, f"{name} ({protocol}) Len={max(end - at, 0)}")
