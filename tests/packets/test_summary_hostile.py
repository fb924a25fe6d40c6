"""Packets made to harm: each has a summary, at once, and nothing in it does anything."""

from time import thread_time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scapy.layers.inet import TCP
from scapy.packet import Raw

from services.packets.layers.summary import MAX_TEXT, escaped
from services.packets.summary import summarise
from tests.support import sample_packets as samples
from tests.support.sample_packets import A6, B6, A, B, ether, ip

LINKTYPES = [0, 1, 12, 101, 105, 108, 113, 119, 127, 228, 229, 276, 9, 9999]
MOST_INFO = 8 * MAX_TEXT

linktypes = st.sampled_from(LINKTYPES)


def check(data: bytes, linktype: int) -> None:
    summary = summarise(data, linktype)
    text = "".join(summary)
    assert text.isprintable(), text
    assert len(text) < MOST_INFO
    assert summary.protocol


@given(st.binary(max_size=2000), linktypes)
@settings(max_examples=500)
def test_any_bytes_have_a_summary(data: bytes, linktype: int) -> None:
    check(data, linktype)


@given(st.sampled_from(sorted(samples.ethernet_samples())), st.data())
@settings(max_examples=500)
def test_a_real_packet_cut_and_changed_has_a_summary(name: str, data: st.DataObject) -> None:
    packet = bytearray(samples.ethernet_samples()[name])
    places = st.tuples(st.integers(0, len(packet) - 1), st.integers(0, 255))
    for place, value in data.draw(st.lists(places, max_size=8)):
        packet[place] = value
    check(bytes(packet[: data.draw(st.integers(0, len(packet)))]), 1)


@pytest.mark.parametrize("name", sorted(samples.ethernet_samples()))
def test_a_packet_cut_anywhere_has_a_summary(name: str) -> None:
    packet = samples.ethernet_samples()[name]
    for size in range(len(packet)):
        check(packet[:size], 1)


def test_what_can_be_read_of_a_cut_packet_is_shown() -> None:
    packet = ether(ip(), TCP(sport=5, dport=6))
    assert summarise(packet[:40], 1) == (
        f"{A}:5",
        f"{B}:6",
        "TCP",
        "[Truncated: 6 of 20 bytes of header]",
    )
    assert summarise(packet[:35], 1)[:3] == (A, B, "TCP")
    assert summarise(packet[:20], 1)[2:] == ("IPv4", "[Truncated: 6 of 20 bytes of header]")
    assert summarise(packet[:9], 1)[1:3] == (samples.MAC_B, "Ethernet")
    assert summarise(b"", 1).info == "[Truncated: 0 of 14 bytes of header]"


def test_an_ipv6_address_of_a_packet_without_ports_has_no_brackets() -> None:
    packet = ether(samples.ip6(), TCP(sport=5, dport=6))
    assert summarise(packet[:55], 1)[:2] == (A6, B6)


def test_a_header_that_says_it_is_too_short_is_malformed() -> None:
    packet = bytearray(ether(ip(), TCP(sport=5, dport=6)))
    packet[14] = 0x44
    assert summarise(bytes(packet), 1).info == "[Malformed: header of 16 bytes]"


def test_tags_without_end_are_not_followed() -> None:
    packet = bytes(12) + b"\x81\x00\x00\x01" * 16_000
    assert summarise(packet, 1).info == "[Malformed: over 4 tags, 1.1.1.1 first]"


def test_headers_that_nest_without_end_are_not_followed() -> None:
    snap = bytes.fromhex("aaaa030000008100")
    check(bytes(12) + b"\x81\x00" + (b"\x00\x01\x00\x10" + snap) * 5000, 1)
    tunnel = samples.stacked(ip(proto=4))
    check(bytes(12) + b"\x08\x00" + tunnel * 3000, 1)


def test_extension_headers_without_end_are_not_followed() -> None:
    header = bytes.fromhex("0000000000000000")
    packet = ether(samples.ip6(nh=0), Raw(header * 8000))
    assert summarise(packet, 1).info == "[Malformed: over 8 extension headers]"


def dns(body: bytes) -> bytes:
    from scapy.layers.inet import UDP

    return ether(ip(), UDP(sport=5, dport=53), Raw(b"\0\1\0\0\0\1\0\0\0\0\0\0" + body))


def test_a_name_that_points_at_itself_ends() -> None:
    assert "[Malformed]" in summarise(dns(b"\xc0\x0c\0\1\0\1"), 1).info


def worst() -> list[tuple[str, bytes]]:
    chain = b"".join(
        (0xC000 | max(at - 2, 0) + 12).to_bytes(2, "big") for at in range(0, 16_000, 2)
    )
    pointers = dns(b"\1a" + chain)
    record = ether(ip(), TCP(sport=5, dport=443, flags="A"), Raw(b"\x16\3\3\0\0" * 12_000))
    hello = samples.client_hello()[:-22] + b"\xff\xff\0\0" * 15_000
    return [
        ("pointers", pointers),
        ("labels", dns(b"\1a" * 30_000)),
        ("records", record),
        ("extensions", ether(ip(), TCP(sport=5, dport=443, flags="A"), Raw(hello))),
        ("answers", dns(b"")[:46] + b"\xff\xff" * 4 + b"\0\0\1\0\1\0\0\0\0\0\0" * 6000),
        ("zeros", bytes(65_536)),
        ("line", ether(ip(), TCP(sport=5, dport=80, flags="A"), Raw(b"GET " + b"\1" * 60_000))),
    ]


@pytest.mark.parametrize("packet", [pytest.param(data, id=name) for name, data in worst()])
def test_the_worst_packets_cost_less_than_a_hundred_ordinary_ones(packet: bytes) -> None:
    ordinary = samples.ethernet_samples()["udp"]
    assert _seconds(packet) < 100 * _seconds(ordinary)


def _seconds(packet: bytes) -> float:
    """Seconds of the processor, whatever else runs on it."""
    return min(_once(packet) for _ in range(20))


def _once(packet: bytes) -> float:
    start = thread_time()
    check(packet, 1)
    return thread_time() - start


@pytest.mark.parametrize(
    "line",
    [
        b"GET /\x1b[31mred HTTP/1.1",
        b"GET /a\nb HTTP/1.1",
        b"GET /\x00 HTTP/1.1",
        "GET /\u202e".encode(),
    ],
)
def test_nothing_in_a_packet_steers_a_terminal(line: bytes) -> None:
    check(ether(ip(), TCP(sport=5, dport=80, flags="A"), Raw(line)), 1)


def test_escapes_cannot_be_forged() -> None:
    assert escaped(b"a\x1b[0m\\x41\n") == r"a\x1b[0m\x5cx41\x0a"


@given(st.binary(max_size=600))
@example(b"\\" * 300)
def test_escaped_text_is_printable_and_bounded(text: bytes) -> None:
    shown = escaped(text)
    assert shown.isprintable()
    assert len(shown) <= MAX_TEXT + 1
