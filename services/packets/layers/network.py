"""What follows a link layer, by its EtherType (IANA, IEEE 802 Numbers), behind any VLAN tags."""

from collections.abc import Callable

from services.packets.layers.arp import arp
from services.packets.layers.ip import ipv4, ipv6
from services.packets.layers.summary import Summary, malformed, truncated

MAX_TAGS = 4

Network = Callable[[bytes, int], Summary]
_DECODERS: dict[int, Network] = {0x0800: ipv4, 0x86DD: ipv6, 0x0806: arp}
_TAGS = frozenset((0x8100, 0x88A8, 0x9100))
_NAMES = {
    0x0842: "Wake-on-LAN",
    0x8035: "RARP",
    0x809B: "AppleTalk",
    0x8137: "IPX",
    0x8808: "MAC Control",
    0x8809: "LACP",
    0x8847: "MPLS",
    0x8848: "MPLS",
    0x8863: "PPPoED",
    0x8864: "PPPoE",
    0x888E: "EAPOL",
    0x88CC: "LLDP",
    0x88E5: "MACsec",
    0x88F7: "PTP",
    0x8906: "FCoE",
}
_SMALLEST_TYPE = 0x0600
"""What is smaller is a length, and an LLC header follows (IEEE 802.3)."""
_SAPS = {0x42: "STP", 0xE0: "IPX", 0xF0: "NetBIOS", 0xFE: "IS-IS"}
_SNAP = 0xAA


def network(data: bytes, at: int, ethertype: int) -> Summary:
    """The packet at `at`, of the type that the link layer says."""
    decode = _DECODERS.get(ethertype)
    if decode is not None:
        return decode(data, at)
    if ethertype in _TAGS:
        return _tagged(data, at)
    if ethertype < _SMALLEST_TYPE:
        return llc(data, at)
    name = _NAMES.get(ethertype) or f"0x{ethertype:04x}"
    return Summary("", "", name, f"EtherType 0x{ethertype:04x} Len={max(len(data) - at, 0)}")


def llc(data: bytes, at: int) -> Summary:
    """A packet behind an LLC header (IEEE 802.2), with SNAP or without."""
    if len(data) - at < 3:
        return truncated("LLC", len(data) - at, 3)
    if data[at] == _SNAP and len(data) - at >= 8:
        decode = _DECODERS.get((data[at + 6] << 8) | data[at + 7])
        if decode is not None:  # and nothing else, or headers could nest without end
            return decode(data, at + 8)
    name = _SAPS.get(data[at], "LLC")
    return Summary("", "", name, f"DSAP 0x{data[at]:02x} SSAP 0x{data[at + 1]:02x}")


def _tagged(data: bytes, at: int) -> Summary:
    """A packet behind 802.1Q tags; those of 802.1ad come before them."""
    identifiers: list[str] = []
    while len(identifiers) < MAX_TAGS:
        if len(data) - at < 4:
            return truncated("VLAN", len(data) - at, 4)
        identifiers.append(str(((data[at] << 8) | data[at + 1]) & 0xFFF))
        ethertype = (data[at + 2] << 8) | data[at + 3]
        at += 4
        if ethertype not in _TAGS:
            inner = network(data, at, ethertype)
            return inner._replace(info=f"[VLAN {'.'.join(identifiers)}] {inner.info}")
    return malformed("VLAN", f"over {MAX_TAGS} tags, {'.'.join(identifiers)} first")
