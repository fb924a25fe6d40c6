"""What a summary says of each protocol."""

import pytest
from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import TCP, UDP
from scapy.packet import Raw

from services.packets.layers.summary import Summary
from services.packets.summary import summarise
from tests.support import sample_packets as samples
from tests.support.sample_packets import A6, B6, MAC_A, MAC_B, A, B, ether, ip

SAYS: dict[str, tuple[str, str, str, str]] = {
    "arp request": (MAC_A, MAC_B, "ARP", f"Who has {B}? Tell {A}"),
    "arp reply": (MAC_A, MAC_B, "ARP", f"{A} is at {MAC_A}"),
    "tcp syn": (f"{A}:51234", f"{B}:8443", "TCP", "51234 → 8443 [SYN] Seq=7 Win=512 Len=0"),
    "tcp synack": (
        f"{A}:8443",
        f"{B}:51234",
        "TCP",
        "8443 → 51234 [SYN, ACK] Seq=9 Ack=8 Win=8192 Len=0",
    ),
    "tcp data": (f"{A}:5", f"{B}:6", "TCP", "5 → 6 [PSH, ACK] Seq=0 Ack=0 Win=8192 Len=6"),
    "tcp options": (f"{A}:5", f"{B}:6", "TCP", "5 → 6 [SYN] Seq=0 Win=8192 Len=2"),
    "ip options": (f"{A}:5", f"{B}:6", "TCP", "5 → 6 [SYN] Seq=0 Win=8192 Len=0"),
    "udp": (f"{A}:4000", f"{B}:4001", "UDP", "4000 → 4001 Len=5"),
    "udp6": (f"[{A6}]:4000", f"[{B6}]:4001", "UDP", "4000 → 4001 Len=5"),
    "tcp6": (
        f"[{A6}]:51234",
        f"[{B6}]:8443",
        "TCP",
        "51234 → 8443 [ACK] Seq=0 Ack=0 Win=8192 Len=0",
    ),
    "icmp": (A, B, "ICMP", "Echo (ping) request id=0x0003, seq=4"),
    "icmp unreachable": (A, B, "ICMP", "Destination unreachable (Port unreachable)"),
    "icmpv6 echo": (A6, B6, "ICMPv6", "Echo (ping) request id=0x0003, seq=4"),
    "neighbour solicitation": (A6, B6, "ICMPv6", f"Neighbor Solicitation for {B6}"),
    "neighbour advertisement": (A6, B6, "ICMPv6", f"Neighbor Advertisement {B6} (sol, ovr)"),
    "router advertisement": (A6, B6, "ICMPv6", "Router Advertisement"),
    "dns query": (f"{A}:4000", f"{B}:53", "DNS", "Standard query 0x0001 A example.org"),
    "dns answer": (
        f"{A}:53",
        f"{B}:4000",
        "DNS",
        "Standard query response 0x1234 A www.example.org CNAME host.example.org "
        "A 192.0.2.7 AAAA 2001:db8::7",
    ),
    "mdns": (f"{A}:5353", "224.0.0.251:5353", "MDNS", "Standard query 0x0000 A a.local"),
    "tls hello": (f"{A}:5", f"{B}:443", "TLS", "Client Hello (SNI=shop.example.org)"),
    "http request": (f"{A}:5", f"{B}:80", "HTTP", "GET /a HTTP/1.1"),
    "http answer": (f"{A}:80", f"{B}:4002", "HTTP", "HTTP/1.1 200 OK"),
    "vlan": (f"{A}:4000", f"{B}:4001", "UDP", "[VLAN 5] 4000 → 4001 Len=0"),
    "qinq": (f"{A}:4000", f"{B}:4001", "UDP", "[VLAN 7.5] 4000 → 4001 Len=0"),
    "vlan6": (f"[{A6}]:5", f"[{B6}]:6", "TCP", "[VLAN 6] 5 → 6 [FIN] Seq=0 Win=8192 Len=0"),
    "ip fragment": (A, B, "IPv4", "Fragmented IP protocol (proto=UDP 17, off=1480, ID=1a2b)"),
    "first fragment": (f"{A}:4000", f"{B}:4001", "UDP", "4000 → 4001 Len=2992"),
    "hop by hop": (f"[{A6}]:4000", f"[{B6}]:4001", "UDP", "4000 → 4001 Len=0"),
    "fragment6": (A6, B6, "IPv6", "Fragmented IP protocol (proto=UDP 17, off=800, ID=0009)"),
    "ip in ip": ("192.0.2.1:4000", "192.0.2.2:4001", "UDP", "4000 → 4001 Len=0"),
    "gre": (A, B, "GRE", "GRE (47) Len=20"),
    "spanning tree": (MAC_A, MAC_B, "STP", "DSAP 0x42 SSAP 0x42"),
    "snap": (f"{A}:4000", f"{B}:4001", "UDP", "4000 → 4001 Len=0"),
    "lldp": (MAC_A, MAC_B, "LLDP", "EtherType 0x88cc Len=46"),
}


@pytest.mark.parametrize("name", SAYS)
def test_a_summary_says_who_to_whom_and_what(name: str) -> None:
    assert summarise(samples.ethernet_samples()[name], 1) == Summary(*SAYS[name])


def test_every_sample_has_an_expectation() -> None:
    assert SAYS.keys() == samples.ethernet_samples().keys()


@pytest.mark.parametrize("linktype", [113, 276])
def test_packets_of_any_are_read_behind_their_cooked_header(linktype: int) -> None:
    found = summarise(samples.cooked_samples()[linktype], linktype)
    assert found[:3] == (f"{A}:5", f"{B}:6", "TCP")


@pytest.mark.parametrize("linktype", [101, 12, 228])
def test_bare_ip_needs_no_link_layer(linktype: int) -> None:
    packet = samples.stacked(ip(), UDP(sport=1, dport=2))
    assert summarise(packet, linktype)[:3] == (f"{A}:1", f"{B}:2", "UDP")


@pytest.mark.parametrize("family", [b"\2\0\0\0", b"\0\0\0\2"])
def test_bsd_loopback_is_read_in_either_byte_order(family: bytes) -> None:
    packet = family + samples.stacked(ip(), UDP(sport=1, dport=2))
    assert summarise(packet, 0).protocol == "UDP"


def test_an_unknown_link_type_is_said() -> None:
    assert summarise(b"abc", 9999) == Summary("", "", "link type 9999", "3 bytes")


def test_a_length_is_the_packets_own_though_the_snap_length_cut_it() -> None:
    whole = ether(ip(), TCP(sport=5, dport=6, flags="A"), Raw(b"\0" * 1000))
    assert summarise(whole[:60], 1).info.endswith("Len=1000")


def test_ethernet_padding_is_no_payload() -> None:
    packet = ether(ip(), TCP(sport=5, dport=6, flags="A"))
    assert summarise(packet.ljust(60, b"\0"), 1).info.endswith("Len=0")


def test_a_segment_yet_to_be_cut_by_the_network_card_ends_with_its_data() -> None:
    packet = bytearray(ether(ip(), TCP(sport=5, dport=6, flags="A"), Raw(b"\0" * 99)))
    packet[16:18] = b"\0\0"
    assert summarise(bytes(packet), 1).info.endswith("Len=99")


def test_dns_over_tcp_is_dns() -> None:
    message = bytes(DNS(id=7, qd=DNSQR(qname="example.org")))
    payload = len(message).to_bytes(2, "big") + message
    packet = ether(ip(), TCP(sport=5, dport=53, flags="PA"), Raw(payload))
    assert summarise(packet, 1)[2:] == ("DNS", "Standard query 0x0007 A example.org")


def test_a_refused_name_says_so() -> None:
    message = DNS(id=7, qr=1, rcode=3, qd=DNSQR(qname="nosuch.example"))
    info = summarise(ether(ip(), UDP(sport=53, dport=5), message), 1).info
    assert info == "Standard query response 0x0007 No such name A nosuch.example"


def test_several_tls_records_in_a_segment_are_all_named() -> None:
    records = b"\x14\3\3\0\1\1" + b"\x16\3\3\0\4\xff\xff\xff\xff" + b"\x17\3\3\0\2xx"
    packet = ether(ip(), TCP(sport=5, dport=443, flags="PA"), Raw(records))
    info = "Change Cipher Spec, Encrypted Handshake Message, Application Data"
    assert summarise(packet, 1)[2:] == ("TLS", info)


def test_http_is_known_on_any_port_and_its_look_alikes_are_not() -> None:
    def of(payload: bytes) -> str:
        return summarise(ether(ip(), TCP(sport=5, dport=9, flags="PA"), Raw(payload)), 1).protocol

    assert of(b"POST /x HTTP/1.1\r\n") == "HTTP"
    assert of(b"POSTERS") == "TCP"
    assert of(b"GETTING on") == "TCP"


def wifi(kind: int, flags: int, body: bytes) -> bytes:
    addresses = bytes.fromhex("02000000000b02000000000a02000000000c")
    return bytes([kind, flags, 0, 0]) + addresses + b"\0\0" + body


def test_wifi_frames_are_recognised() -> None:
    beacon = wifi(0x80, 0, bytes(12) + b"\0\4cafe")
    assert summarise(beacon, 105) == Summary(MAC_A, MAC_B, "802.11", 'Beacon frame, SSID="cafe"')
    assert summarise(b"\0\0\x08\0\0\0\0\0" + beacon, 127) == summarise(beacon, 105)
    assert summarise(wifi(0xD4, 0, b""), 105).info == "Acknowledgement"
    assert summarise(wifi(0x88, 0x41, bytes(10)), 105).info.startswith("Data (encrypted)")


def test_ip_in_an_open_wifi_frame_is_read() -> None:
    inner = bytes.fromhex("aaaa030000000800") + samples.stacked(ip(), UDP(sport=1, dport=2))
    assert summarise(wifi(0x08, 1, inner), 105)[:3] == (f"{A}:1", f"{B}:2", "UDP")
