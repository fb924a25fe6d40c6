"""Makes `demo.pcapng`, the recording behind the service `demo`: run this module.

Half a minute of a small network: names asked for, a page fetched in the clear and one over TLS,
pings, ARP, IPv6, a tagged VLAN. The addresses are those set aside for examples (RFC 5737, 3849).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from services.agent.services import DEMO_FILE
from services.packets.pcapng import enhanced_packet, interface_block, section_header

BEGIN = 1_767_225_600_000_000_000
"""The time of the first packet (ns), the first of January 2026."""
ROUNDS = 20
ROUND_SECONDS = 1.5

HOME, ROUTER, SERVER = "02:00:00:00:00:0a", "02:00:00:00:00:01", "02:00:00:00:00:50"
ME, GATEWAY, WEB, RESOLVER = "192.0.2.10", "192.0.2.1", "198.51.100.80", "203.0.113.53"
ME6, WEB6 = "2001:db8::10", "2001:db8:80::80"

Event = tuple[float, Any]
"""Seconds from the beginning, and a packet of Scapy's."""


def demo() -> bytes:
    """The recording, as a pcapng file."""
    header = section_header(application="capflow") + interface_block(1, name="demo")
    return header + b"".join(
        enhanced_packet(BEGIN + round(at * 1e9), bytes(packet), len(packet))
        for at, packet in sorted(events(), key=lambda event: event[0])
    )


def events() -> Iterator[Event]:
    """Everything that happens, in no order."""
    for number in range(ROUNDS):
        begin = number * ROUND_SECONDS
        yield from _ping(begin, number)
        yield from _lookup(begin + 0.20, number)
        yield from _page(begin + 0.30, number)
        yield from _hello(begin + 0.80, number)
        yield from _neighbours(begin + 1.10, number)


def _up() -> Any:
    from scapy.layers.l2 import Ether  # noqa: PLC0415 - Scapy takes 0.3 s to import

    return Ether(src=HOME, dst=ROUTER)


def _down() -> Any:
    from scapy.layers.l2 import Ether  # noqa: PLC0415

    return Ether(src=ROUTER, dst=HOME)


def _ping(at: float, number: int) -> Iterator[Event]:
    from scapy.layers.inet import ICMP, IP  # noqa: PLC0415

    echo: dict[str, Any] = {"id": 7, "seq": number}
    body = bytes(range(48))
    yield at, _up() / IP(src=ME, dst=GATEWAY, id=number) / ICMP(type=8, **echo) / body
    yield at + 0.0007, _down() / IP(src=GATEWAY, dst=ME, id=number) / ICMP(type=0, **echo) / body


def _lookup(at: float, number: int) -> Iterator[Event]:
    from scapy.layers.dns import DNS, DNSQR, DNSRR  # noqa: PLC0415
    from scapy.layers.inet import IP, UDP  # noqa: PLC0415

    name = ("www.example.com", "api.example.net", "mail.example.org")[number % 3]
    port, asked = 40000 + number, DNSQR(qname=name)
    answer = DNSRR(rrname=name, ttl=300, rdata=WEB)
    ask = DNS(id=number + 1, rd=1, qd=[asked])
    told = DNS(id=number + 1, qr=1, rd=1, ra=1, qd=[asked], an=[answer])
    yield at, _up() / IP(src=ME, dst=RESOLVER) / UDP(sport=port, dport=53) / ask
    yield at + 0.011, _down() / IP(src=RESOLVER, dst=ME) / UDP(sport=53, dport=port) / told


def _page(at: float, number: int) -> Iterator[Event]:
    path = ("/", "/status", "/news?page=2", "/missing")[number % 4]
    status = "404 Not Found" if path == "/missing" else "200 OK"
    ask = f"GET {path} HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: demo\r\n\r\n"
    page = f"<h1>{status}</h1>" + "All packets are accounted for. " * 12
    answer = f"HTTP/1.1 {status}\r\nContent-Length: {len(page)}\r\n\r\n{page}"
    yield from _talk(at, 50000 + number, 80, ask.encode(), answer.encode())


def _hello(at: float, number: int) -> Iterator[Event]:
    from scapy.layers.inet6 import IPv6  # noqa: PLC0415

    name = ("www.example.com", "login.example.net")[number % 2]
    to, back = IPv6(src=ME6, dst=WEB6, fl=number), IPv6(src=WEB6, dst=ME6, fl=number)
    ask, answer = client_hello(name.encode()), b"\x16\x03\x03\x00\x04\x0e\x00\x00\x00"
    yield from _talk(at, 51000 + number, 443, ask, answer, to, back)


def _talk(
    at: float, sport: int, dport: int, ask: bytes, answer: bytes, to: Any = None, back: Any = None
) -> Iterator[Event]:
    """A connection: opened, a question, an answer, closed."""
    from scapy.layers.inet import IP, TCP  # noqa: PLC0415

    out = _up() / (to or IP(src=ME, dst=WEB))
    home = _down() / (back or IP(src=WEB, dst=ME))
    mine, theirs = 1001 + len(ask), 5001 + len(answer)
    steps = (
        (out, "S", 1000, 0, b""),
        (home, "SA", 5000, 1001, b""),
        (out, "A", 1001, 5001, b""),
        (out, "PA", 1001, 5001, ask),
        (home, "PA", 5001, mine, answer),
        (out, "FA", mine, theirs, b""),
        (home, "FA", theirs, mine + 1, b""),
        (out, "A", mine + 1, theirs + 1, b""),
    )
    for number, (link, flags, seq, ack, data) in enumerate(steps):
        ports = (sport, dport) if link is out else (dport, sport)
        segment = TCP(sport=ports[0], dport=ports[1], flags=flags, seq=seq, ack=ack, window=64240)
        yield at + number * 0.013, link / segment / data


def _neighbours(at: float, number: int) -> Iterator[Event]:
    from scapy.layers.inet import IP, UDP  # noqa: PLC0415
    from scapy.layers.inet6 import ICMPv6EchoRequest, ICMPv6ND_NS, IPv6  # noqa: PLC0415
    from scapy.layers.l2 import ARP, Dot1Q, Ether  # noqa: PLC0415

    everybody = "ff:ff:ff:ff:ff:ff"
    yield at, Ether(src=HOME, dst=everybody) / ARP(hwsrc=HOME, psrc=ME, pdst=GATEWAY)
    yield at + 0.001, _down() / ARP(op=2, hwsrc=ROUTER, psrc=GATEWAY, hwdst=HOME, pdst=ME)
    yield at + 0.1, _up() / IPv6(src=ME6, dst=WEB6) / ICMPv6EchoRequest(id=7, seq=number)
    seek = Ether(src=HOME, dst="33:33:ff:00:00:01") / IPv6(src=ME6, dst="ff02::1:ff00:1")
    yield at + 0.15, seek / ICMPv6ND_NS(tgt="2001:db8::1")
    tagged = Ether(src=SERVER, dst=HOME) / Dot1Q(vlan=42) / IP(src="192.0.2.50", dst=ME)
    yield at + 0.2, tagged / UDP(sport=5514, dport=514) / f"<30>demo: round {number}".encode()


def client_hello(name: bytes) -> bytes:
    """A TLS ClientHello (RFC 8446, section 4.1.2) that asks for `name`."""
    server_name = b"\x00" + len(name).to_bytes(2, "big") + name
    listed = len(server_name).to_bytes(2, "big") + server_name
    extensions = b"\x00\x00" + len(listed).to_bytes(2, "big") + listed
    body = b"\x03\x03" + bytes(32) + b"\x00" + b"\x00\x04\x13\x01\x13\x02" + b"\x01\x00"
    body += len(extensions).to_bytes(2, "big") + extensions
    handshake = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + len(handshake).to_bytes(2, "big") + handshake


def write(path: Path = DEMO_FILE) -> None:
    """Write the recording to its place."""
    path.write_bytes(demo())


if __name__ == "__main__":
    write()
