"""Ethernet (IEEE 802.3) and link layers that are little more than a type in front of IP."""

from services.packets.layers.ip import ip, ipv4, ipv6
from services.packets.layers.network import network
from services.packets.layers.summary import Summary, mac, malformed, truncated

_ETHERNET_SIZE = 14
_FAMILY_SIZE = 4
_IPV6_FAMILIES = frozenset((10, 24, 28, 30))
"""AF_INET6 of Linux, NetBSD and OpenBSD, FreeBSD, macOS."""


def ethernet(data: bytes) -> Summary:
    """An Ethernet frame; its own addresses where what it carries has none."""
    if len(data) < _ETHERNET_SIZE:
        return _short_ethernet(data)
    inner = network(data, _ETHERNET_SIZE, (data[12] << 8) | data[13])
    return inner if inner[0] else _with_addresses(inner, data)


def raw_ip(data: bytes) -> Summary:
    """An IP packet without a link layer."""
    return ip(data, 0)


def null(data: bytes) -> Summary:
    """A BSD loopback packet: four bytes of the writer's own byte order name the family."""
    if len(data) < _FAMILY_SIZE:
        return truncated("Loopback", len(data), _FAMILY_SIZE)
    family = min(int.from_bytes(data[:4]), int.from_bytes(data[:4], "little"))
    if family == 2:
        return ipv4(data, _FAMILY_SIZE)
    if family in _IPV6_FAMILIES:
        return ipv6(data, _FAMILY_SIZE)
    return malformed("Loopback", f"address family {family}")


def _with_addresses(inner: Summary, data: bytes) -> Summary:
    return inner._replace(source=mac(data[6:12]), destination=mac(data[:6]))


def _short_ethernet(data: bytes) -> Summary:
    short = truncated("Ethernet", len(data), _ETHERNET_SIZE)
    destination = mac(data[:6]) if len(data) >= 6 else ""
    return short._replace(
        destination=destination, source=mac(data[6:12]) if len(data) >= 12 else ""
    )
