"""Packets of many kinds, built by Scapy and so not by our own idea of them."""

from functools import cache
from typing import Any

from scapy.layers.dns import DNS, DNSQR, DNSRR
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_Router_Alert
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6ND_RA,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
)
from scapy.layers.l2 import (
    ARP,
    LLC,
    SNAP,
    STP,
    CookedLinux,
    CookedLinuxV2,
    Dot1AD,
    Dot1Q,
    Dot3,
    Ether,
)
from scapy.packet import Packet, Raw

A, B = "10.0.0.1", "10.0.0.2"
A6, B6 = "2001:db8::1", "2001:db8::2"
MAC_A, MAC_B = "02:00:00:00:00:0a", "02:00:00:00:00:0b"


def ether(*layers: Packet) -> bytes:
    """An Ethernet frame from A to B."""
    return stacked(Ether(src=MAC_A, dst=MAC_B), *layers)


def stacked(*layers: Packet) -> bytes:
    """The layers, one in the other, as bytes."""
    packet = layers[0]
    for layer in layers[1:]:
        packet = packet / layer
    return bytes(packet)


def ip(**fields: Any) -> Packet:
    """An IPv4 header from A to B."""
    packet: Packet = IP(**{"src": A, "dst": B, **fields})
    return packet


def ip6(**fields: Any) -> Packet:
    """An IPv6 header from A to B."""
    packet: Packet = IPv6(**{"src": A6, "dst": B6, **fields})
    return packet


def dns_answer() -> Packet:
    """A message with a compressed answer of each common kind."""
    records = [
        DNSRR(rrname="www.example.org", type="CNAME", rdata="host.example.org", ttl=60),
        DNSRR(rrname="host.example.org", type="A", rdata="192.0.2.7", ttl=60),
        DNSRR(rrname="host.example.org", type="AAAA", rdata="2001:db8::7", ttl=60),
    ]
    message = DNS(id=0x1234, qr=1, qd=DNSQR(qname="www.example.org"), an=records)
    packet: Packet = message.compress()  # type: ignore[no-untyped-call]
    return packet


def client_hello(name: bytes = b"shop.example.org") -> bytes:
    """A TLS record with a Client Hello that asks for `name` (RFC 8446, RFC 6066)."""
    entry = b"\0" + len(name).to_bytes(2, "big") + name
    server_name = len(entry).to_bytes(2, "big") + entry
    extensions = b"\0\x17\0\0" + b"\0\0" + len(server_name).to_bytes(2, "big") + server_name
    body = b"\3\3" + bytes(32) + b"\x20" + bytes(32) + b"\0\4\x13\1\x13\2" + b"\1\0"
    body += len(extensions).to_bytes(2, "big") + extensions
    handshake = b"\1" + len(body).to_bytes(3, "big") + body
    return b"\x16\3\1" + len(handshake).to_bytes(2, "big") + handshake


@cache
def ethernet_samples() -> dict[str, bytes]:
    """One of each kind on Ethernet, by name."""
    return {
        "arp request": ether(ARP(op=1, hwsrc=MAC_A, psrc=A, pdst=B)),
        "arp reply": ether(ARP(op=2, hwsrc=MAC_A, psrc=A, pdst=B)),
        "tcp syn": ether(ip(), TCP(sport=51234, dport=8443, flags="S", seq=7, window=512)),
        "tcp synack": ether(ip(), TCP(sport=8443, dport=51234, flags="SA", seq=9, ack=8)),
        "tcp data": ether(ip(), TCP(sport=5, dport=6, flags="PA"), Raw(b"\0hello")),
        "tcp options": ether(ip(), TCP(sport=5, dport=6, options=[("MSS", 1460)]), Raw(b"\0x")),
        "ip options": ether(ip(options=[IPOption_Router_Alert()]), TCP(sport=5, dport=6)),
        "udp": ether(ip(), UDP(sport=4000, dport=4001), Raw(b"hello")),
        "udp6": ether(ip6(), UDP(sport=4000, dport=4001), Raw(b"hello")),
        "tcp6": ether(ip6(), TCP(sport=51234, dport=8443, flags="A")),
        "icmp": ether(ip(), ICMP(type=8, id=3, seq=4), Raw(b"ping")),
        "icmp unreachable": ether(ip(), ICMP(type=3, code=3), IP(src=B, dst=A), UDP()),
        "icmpv6 echo": ether(ip6(), ICMPv6EchoRequest(id=3, seq=4)),
        "neighbour solicitation": ether(ip6(hlim=255), ICMPv6ND_NS(tgt=B6)),
        "neighbour advertisement": ether(ip6(hlim=255), ICMPv6ND_NA(tgt=B6, R=0, S=1, O=1)),
        "router advertisement": ether(ip6(hlim=255), ICMPv6ND_RA()),
        "dns query": ether(ip(), UDP(sport=4000), DNS(id=1, qd=DNSQR(qname="example.org"))),
        "dns answer": ether(ip(), UDP(sport=53, dport=4000), dns_answer()),
        "mdns": ether(
            ip(dst="224.0.0.251"), UDP(sport=5353, dport=5353), DNS(qd=DNSQR(qname="a.local"))
        ),
        "tls hello": ether(ip(), TCP(sport=5, dport=443, flags="PA"), Raw(client_hello())),
        "http request": ether(
            ip(), TCP(sport=5, dport=80, flags="PA"), Raw(b"GET /a HTTP/1.1\r\nHost: b\r\n\r\n")
        ),
        "http answer": ether(
            ip(),
            TCP(sport=80, dport=4002, flags="PA"),
            Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ),
        "vlan": ether(Dot1Q(vlan=5), ip(), UDP(sport=4000, dport=4001)),
        "qinq": stacked(
            Ether(src=MAC_A, dst=MAC_B),
            Dot1AD(vlan=7),
            Dot1Q(vlan=5),
            ip(),
            UDP(sport=4000, dport=4001),
        ),
        "vlan6": ether(Dot1Q(vlan=6), ip6(), TCP(sport=5, dport=6, flags="F")),
        "ip fragment": ether(ip(frag=185, proto=17, id=0x1A2B), Raw(b"x" * 40)),
        "first fragment": ether(
            ip(flags="MF", id=1), UDP(sport=4000, dport=4001, len=3000), Raw(b"x" * 32)
        ),
        "hop by hop": ether(
            ip6(), IPv6ExtHdrHopByHop(), IPv6ExtHdrDestOpt(), UDP(sport=4000, dport=4001)
        ),
        "fragment6": ether(ip6(), IPv6ExtHdrFragment(offset=100, id=9, nh=17), Raw(b"x" * 16)),
        "ip in ip": ether(ip(), IP(src="192.0.2.1", dst="192.0.2.2"), UDP(sport=4000, dport=4001)),
        "gre": ether(ip(proto=47), Raw(bytes(20))),
        "spanning tree": stacked(Dot3(src=MAC_A, dst=MAC_B), LLC(), STP()),
        "snap": stacked(
            Dot3(src=MAC_A, dst=MAC_B),
            LLC(dsap=0xAA, ssap=0xAA, ctrl=3),
            SNAP(code=0x0800),
            ip(),
            UDP(sport=4000, dport=4001),
        ),
        "lldp": stacked(Ether(src=MAC_A, dst=MAC_B, type=0x88CC), Raw(bytes(46))),
    }


@cache
def cooked_samples() -> dict[int, bytes]:
    """A packet of `any` in both cooked forms, by link type."""
    inner = stacked(ip(), TCP(sport=5, dport=6, flags="A"))
    return {
        113: stacked(
            CookedLinux(src=bytes.fromhex("02000000000a0000"), lladdrlen=6, proto=0x800), Raw(inner)
        ),
        276: stacked(
            CookedLinuxV2(src=bytes.fromhex("02000000000a0000"), lladdrlen=6, proto=0x800),
            Raw(inner),
        ),
    }
