"""Where Scapy begins with a packet of each link type. Importing this takes a third of a second."""

import scapy.contrib.igmp
import scapy.contrib.lldp
import scapy.contrib.mpls
import scapy.layers.dhcp
import scapy.layers.dhcp6
import scapy.layers.dns
import scapy.layers.eap
import scapy.layers.hsrp
import scapy.layers.http
import scapy.layers.isakmp
import scapy.layers.l2tp
import scapy.layers.llmnr
import scapy.layers.netbios
import scapy.layers.ntp
import scapy.layers.ppp
import scapy.layers.quic
import scapy.layers.radius
import scapy.layers.rip
import scapy.layers.rtp
import scapy.layers.sctp
import scapy.layers.snmp
import scapy.layers.tftp
import scapy.layers.vrrp
import scapy.layers.vxlan  # noqa: F401 - each makes its protocol known
from scapy.config import conf
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import CookedLinux, CookedLinuxV2, Ether, Loopback, LoopbackOpenBSD
from scapy.packet import Packet

from services.gateway.dissection.anatomy import taken_apart
from services.packets import linktypes

_FIRST: dict[int, type[Packet]] = {
    linktypes.ETHERNET: Ether,
    linktypes.NULL: Loopback,
    linktypes.LOOP: LoopbackOpenBSD,
    linktypes.LINUX_SLL: CookedLinux,
    linktypes.LINUX_SLL2: CookedLinuxV2,
    linktypes.IPV4: IP,
    linktypes.IPV6: IPv6,
}
_BARE_IP = (linktypes.RAW, linktypes.RAW_BSD)


def dissected(data: bytes, linktype: int) -> Packet:
    """The packet as Scapy sees it. KeyError for a link type that has no first layer here."""
    if linktype in _BARE_IP:
        return (IPv6 if data[:1] and data[0] >> 4 == 6 else IP)(data)
    return _FIRST[linktype](data)


def warm_up() -> None:
    """Dissect what brings in whatever Scapy loads late; and let it read LLDP as it comes."""
    conf.contribs["LLDP"].strict_mode_disable()
    for port in (53, 67, 80, 123, 443):
        data = bytes(Ether() / IP(dst="192.0.2.1") / UDP(sport=port, dport=port) / bytes(300))
        taken_apart(dissected(data, linktypes.ETHERNET), data)
