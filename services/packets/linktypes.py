"""Link types by number and name (pcap-linktype(7), <https://www.tcpdump.org/linktypes.html>)."""

NULL = 0
ETHERNET = 1
PPP = 9
RAW_BSD = 12
RAW = 101
IEEE802_11 = 105
LOOP = 108
LINUX_SLL = 113
IEEE802_11_PRISM = 119
IEEE802_11_RADIOTAP = 127
CAN_SOCKETCAN = 227
IPV4 = 228
IPV6 = 229
NETLINK = 253
BLUETOOTH_LINUX_MONITOR = 254
LINUX_SLL2 = 276

NAMES: dict[int, str] = {
    NULL: "Loopback",
    ETHERNET: "Ethernet",
    PPP: "PPP",
    RAW_BSD: "Raw IP",
    RAW: "Raw IP",
    IEEE802_11: "802.11",
    LOOP: "Loopback",
    LINUX_SLL: "Linux cooked",
    IEEE802_11_PRISM: "802.11 Prism",
    IEEE802_11_RADIOTAP: "802.11 Radiotap",
    CAN_SOCKETCAN: "CAN",
    IPV4: "Raw IPv4",
    IPV6: "Raw IPv6",
    NETLINK: "Netlink",
    BLUETOOTH_LINUX_MONITOR: "Bluetooth",
    LINUX_SLL2: "Linux cooked v2",
}

# The kernel's numbers of interface types (<linux/if_arp.h>). ARPHRD_LOOPBACK carries Ethernet
# headers; tunnels without a link layer hand over bare IP.
_OF_ARPHRD: dict[int, int] = {
    1: ETHERNET,
    772: ETHERNET,
    280: CAN_SOCKETCAN,
    519: RAW,
    768: RAW,
    769: RAW,
    776: RAW,
    801: IEEE802_11,
    802: IEEE802_11_PRISM,
    803: IEEE802_11_RADIOTAP,
    824: NETLINK,
    0xFFFE: RAW,
}


def name_of(linktype: int) -> str:
    """The link type's name, or its number where we have none."""
    return NAMES.get(linktype, f"link type {linktype}")


def of_arphrd(arphrd: int) -> int | None:
    """What a raw AF_PACKET socket reads from an interface of this type.

    None: a type we have no raw link type for; capture it cooked, as LINUX_SLL.
    """
    return _OF_ARPHRD.get(arphrd)


def dlt_of(linktype: int) -> int:
    """The number libpcap's functions take for a link type that files call `linktype`."""
    return RAW_BSD if linktype == RAW else linktype
