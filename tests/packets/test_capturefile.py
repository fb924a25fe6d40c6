"""Capture files of every kind, and files that are none."""

import struct
import subprocess
from contextlib import suppress
from io import BytesIO
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.packets.capturefile import BadCaptureFile, Recorded, open_capture, read_capture

TS = 1_700_000_000_123_456_789
DATA = b"0123456789abcde"


def pcap(order: str, magic: int, unit: int, linktype: int = 1) -> bytes:
    head = struct.pack(order + "IHHIIII", magic, 2, 4, 0, 0, 65_535, linktype)
    fraction = TS % 10**9 // unit
    return head + struct.pack(order + "IIII", TS // 10**9, fraction, len(DATA), 99) + DATA


def option(order: str, code: int, value: bytes) -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def block(order: str, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    size = len(body) + 12
    return struct.pack(order + "II", kind, size) + body + struct.pack(order + "I", size)


def section(order: str, major: int = 1) -> bytes:
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, major, 0, -1))


def interface(order: str, linktype: int = 1, snaplen: int = 0, options: bytes = b"") -> bytes:
    return block(order, 1, struct.pack(order + "HHI", linktype, 0, snaplen) + options)


def packet(order: str, number: int, stamp: int, data: bytes = DATA, length: int = 99) -> bytes:
    fixed = struct.pack(order + "IIIII", number, stamp >> 32, stamp & 0xFFFFFFFF, len(data), length)
    return block(order, 6, fixed + data)


def read(file: bytes) -> list[Recorded]:
    return list(read_capture(BytesIO(file), "a.pcap"))


def refusal(file: bytes) -> str:
    with pytest.raises(BadCaptureFile) as refused:
        read(file)
    return str(refused.value)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("magic", "unit"), [(0xA1B2C3D4, 1000), (0xA1B23C4D, 1)])
def test_pcap_is_read_in_either_byte_order_and_resolution(
    order: str, magic: int, unit: int
) -> None:
    assert read(pcap(order, magic, unit)) == [Recorded(TS // unit * unit, 99, DATA, 1)]


def test_a_check_sequence_in_the_link_type_is_left_out() -> None:
    assert read(pcap("<", 0xA1B2C3D4, 1000, 0x5400_0071))[0].linktype == 113


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("resolution", "units"),
    [(None, 10**6), (9, 10**9), (3, 10**3), (0, 1), (12, 10**12), (0x80 | 20, 2**20), (0x80, 1)],
)
def test_pcapng_is_read_in_any_resolution(order: str, resolution: int | None, units: int) -> None:
    options = b"" if resolution is None else option(order, 9, bytes([resolution]))
    stamp = 17_000_000 * units + units // 2
    file = section(order) + interface(order, options=options) + packet(order, 0, stamp)
    expected = 17_000_000 * 10**9 + units // 2 * 10**9 // units
    assert read(file) == [Recorded(expected, 99, DATA, 1)]


def test_every_interface_has_its_own_link_type_and_clock() -> None:
    order = "<"
    later = (
        option(order, 9, b"\x09")
        + option(order, 14, struct.pack("<q", 100))
        + option(order, 0, b"")
    )
    file = section(order) + interface(order) + interface(order, 101, options=later)
    file += packet(order, 1, 5) + packet(order, 0, 5)
    assert [(found.ts, found.linktype) for found in read(file)] == [
        (100 * 10**9 + 5, 101),
        (5000, 1),
    ]


def test_a_second_section_begins_anew() -> None:
    file = section("<") + interface("<", 1) + packet("<", 0, 1)
    file += section(">") + interface(">", 113) + packet(">", 0, 2)
    assert [found.linktype for found in read(file)] == [1, 113]


def test_simple_and_old_packet_blocks_are_read_and_others_skipped() -> None:
    file = section("<") + interface("<", snaplen=4) + packet("<", 0, 7)
    file += block("<", 0xBAD, b"whatever") + block("<", 5, bytes(12))
    file += block("<", 3, struct.pack("<I", 15) + DATA[:4])
    file += block("<", 2, struct.pack("<HHIIII", 0, 3, 0, 9, 15, 20) + DATA)
    assert read(file) == [
        Recorded(7000, 99, DATA, 1),
        Recorded(7000, 15, DATA[:4], 1),
        Recorded(9000, 20, DATA, 1),
    ]


@pytest.mark.parametrize(
    ("file", "says"),
    [
        (b"", "at byte 0: the file ends in a magic number: 0 of 4 bytes"),
        (
            b"PK\3\4",
            "at byte 0: it begins with 50 4b 03 04, so it is neither a pcap nor a pcapng file",
        ),
        (b"\x1f\x8b\x08\x00", "compressed with gzip; unpack it first"),
        (pcap("<", 0xA1B2C3D4, 1000)[:20], "at byte 4: the file ends in the file header"),
        (
            pcap("<", 0xA1B2C3D4, 1000)[:30],
            "at byte 24: the file ends in a packet's header: 6 of 16",
        ),
        (pcap("<", 0xA1B2C3D4, 1000)[:-1], "at byte 40: the file ends in a packet: 14 of 15 bytes"),
        (pcap("<", 0xA1B2C3D4, 1000)[:4] + b"\3\0" + bytes(18), "at byte 4: version 3.0 of pcap"),
        (
            pcap("<", 0xA1B2C3D4, 1000)[:32] + b"\xff" * 8,
            "at byte 24: a packet says it has 4294967295 bytes, of 262144 allowed",
        ),
        (section("<", major=2), "at byte 0: version 2 of pcapng"),
        (section("<")[:8] + b"abcd", "at byte 0: 61 62 63 64 is no byte-order magic"),
        (section("<")[:20], "the file ends in a block"),
        (section("<") + packet("<", 0, 1), "at byte 28: a packet of interface 0; there are 0"),
        (section("<") + b"\6\0\0\0" + b"\xff" * 4, "at byte 28: a block says it takes 4294967295"),
        (section("<") + b"\6\0\0\0" + bytes(4), "at byte 28: a block says it takes 0 bytes, not"),
        (section("<")[:-4] + b"\x20\0\0\0", "at byte 0: a block of 28 bytes ends as one of 32"),
        (section("<") + block("<", 1, b"\1\0\0\0"), "at byte 28: a block of 4 bytes, where 8 are"),
        (
            section("<") + interface("<", options=struct.pack("<HH", 2, 999)),
            "at byte 28: option 2 of 999 bytes leaves its block",
        ),
        (
            section("<") + interface("<") + block("<", 6, struct.pack("<IIIII", 0, 0, 0, 99, 99)),
            "at byte 48: a packet says it has 99 bytes, of 0 possible",
        ),
        (
            section("<") + interface("<", options=option("<", 9, b"\0")) + packet("<", 0, 2**60),
            "ns since 1970, not one from 1970 to 2262",
        ),
    ],
)
def test_a_bad_file_is_said_with_its_name_and_the_offset(file: bytes, says: str) -> None:
    said = refusal(file)
    assert said.startswith("a.pcap, at byte ")
    assert says in said


def test_what_stands_before_the_damage_is_read() -> None:
    packets = read_capture(BytesIO(pcap("<", 0xA1B23C4D, 1) + b"\0"), "a.pcap")
    assert next(packets).data == DATA
    with pytest.raises(BadCaptureFile):
        next(packets)


def test_a_file_that_is_not_there_is_said_with_its_name(tmp_path: Path) -> None:
    says = r"none\.pcap cannot be opened: No such file"
    with pytest.raises(BadCaptureFile, match=says), open_capture(tmp_path / "none.pcap"):
        pass


@given(st.binary(max_size=400), st.sampled_from(["", "<", ">"]))
@settings(max_examples=300)
def test_any_bytes_are_a_file_or_refused(data: bytes, order: str) -> None:
    file = section(order) + interface(order) + data if order else data
    with suppress(BadCaptureFile):
        read(file)


@given(st.data())
@settings(max_examples=300)
def test_a_real_file_changed_is_a_file_or_refused(data: st.DataObject) -> None:
    order = data.draw(st.sampled_from("<>"))
    whole = (
        section(order) + interface(order, options=option(order, 9, b"\x09")) + packet(order, 0, TS)
    )
    file = bytearray(data.draw(st.sampled_from([whole, pcap(order, 0xA1B23C4D, 1)])))
    for _ in range(data.draw(st.integers(1, 4))):
        file[data.draw(st.integers(0, len(file) - 1))] = data.draw(st.integers(0, 255))
    with suppress(BadCaptureFile):
        read(bytes(file))


@pytest.mark.parametrize(("kind", "unit"), [("pcap", 1000), ("nsecpcap", 1), ("pcapng", 1)])
def test_files_that_wireshark_writes_are_read(tmp_path: Path, kind: str, unit: int) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(pcap("<", 0xA1B23C4D, 1))
    subprocess.run(["editcap", "-F", kind, str(source), str(target)], check=True)
    with open_capture(target) as packets:
        assert list(packets) == [Recorded(TS // unit * unit, 99, DATA, 1)]


def test_both_readers_agree_on_the_same_packets() -> None:
    orders = list(product("<>", "<>"))
    for one, other in orders:
        ng = section(one) + interface(one, options=option(one, 9, b"\x09")) + packet(one, 0, TS)
        assert read(ng) == read(pcap(other, 0xA1B23C4D, 1))
