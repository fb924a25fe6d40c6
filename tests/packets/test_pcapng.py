"""pcapng as we write it, read back by ourselves and by tshark."""

import struct
import subprocess
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.packets.capturefile import Recorded, read_capture
from services.packets.pcapng import (
    EPB_HEADER,
    EPB_HEADER_SIZE,
    EPB_OVERHEAD,
    EPB_TYPE,
    LOW_32,
    PADDING,
    U32,
    Malformed,
    Packet,
    enhanced_packet,
    frames_joined,
    frames_of,
    interface_block,
    interface_statistics,
    packets_of,
    section_header,
)
from tests.support import sample_packets as samples

packets = st.lists(
    st.builds(
        Packet,
        st.integers(0, 2**63 - 1),
        st.integers(0, 2**32 - 1),
        st.binary(max_size=300),
    ),
    max_size=30,
)


def block_of(found: list[Packet]) -> bytes:
    return b"".join(enhanced_packet(packet.ts, packet.data, packet.length) for packet in found)


@given(packets)
def test_a_block_gives_back_the_packets_it_was_made_of(found: list[Packet]) -> None:
    assert packets_of(block_of(found)) == found


@given(packets, st.data())
def test_a_choice_of_frames_is_the_block_of_just_those(
    found: list[Packet], data: st.DataObject
) -> None:
    keep = [data.draw(st.booleans()) for _ in found]
    block = block_of(found)
    frames = [frame for frame, kept in zip(frames_of(block), keep, strict=True) if kept]
    expected = [packet for packet, kept in zip(found, keep, strict=True) if kept]
    assert packets_of(frames_joined(block, frames)) == expected


@given(packets)
def test_a_file_of_a_block_reads_back_the_same(found: list[Packet]) -> None:
    file = section_header() + interface_block(1) + block_of(found)
    again = [Recorded(packet.ts, packet.length, packet.data, 1) for packet in found]
    assert list(read_capture(BytesIO(file), "x")) == again


@given(st.binary(max_size=400))
def test_any_bytes_are_a_block_or_malformed(data: bytes) -> None:
    try:
        frames = frames_of(data)
    except Malformed:
        return
    assert sum(frame[4] - frame[3] for frame in frames) == len(data)


@given(packets, st.data())
def test_a_block_changed_or_cut_is_a_block_or_malformed(
    found: list[Packet], data: st.DataObject
) -> None:
    block = bytearray(block_of(found))
    if block:
        block[data.draw(st.integers(0, len(block) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(block[: data.draw(st.integers(0, len(block)))])
    with suppress(Malformed):
        assert all(len(packet.data) <= len(cut) for packet in packets_of(cut))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"x" * 31, "31 bytes at offset 0 are too few for a packet block"),
        (bytes(32), "a block of type 0x0 at offset 0, where a packet block must be"),
        (
            EPB_HEADER.pack(EPB_TYPE, 0, 0, 0, 0, 0, 0) + bytes(4),
            "has 0 bytes, and says it holds 0",
        ),
        (EPB_HEADER.pack(EPB_TYPE, 36, 0, 0, 0, 0, 0) + bytes(4), "says it takes 36 bytes of 32"),
        (EPB_HEADER.pack(EPB_TYPE, 32, 0, 0, 0, 9, 9) + bytes(4), "says it holds 9"),
    ],
)
def test_what_is_no_block_is_said_with_its_place(data: bytes, says: str) -> None:
    with pytest.raises(Malformed, match=says):
        frames_of(data)


def test_framing_inline_by_the_constants_is_the_same() -> None:
    for size in range(9):
        data, ts = b"x" * size, 1_700_000_000_123_456_789
        total = ((size + 3) & ~3) + EPB_OVERHEAD
        head = EPB_HEADER.pack(EPB_TYPE, total, 0, ts >> 32, ts & LOW_32, size, 1500)
        framed = head + data + PADDING[size & 3] + U32.pack(total)
        assert framed == enhanced_packet(ts, data, 1500)
        assert len(head) == EPB_HEADER_SIZE


def test_a_text_too_long_is_cut_at_a_character() -> None:
    header = section_header(comment="é" * 4000)
    assert header.count("é".encode()) == 2048
    assert len(header) % 4 == 0


def written(path: Path, found: list[bytes]) -> Path:
    stamps = [1_700_000_000_000_000_001 + at * 1_000_000_007 for at in range(len(found))]
    blocks = [
        enhanced_packet(ts, data, len(data) + 9) for ts, data in zip(stamps, found, strict=True)
    ]
    head = section_header(hardware="none", os="Linux", application="Capflow", comment="a\ntest")
    interface = interface_block(1, 262_144, name="lo", filter="tcp", comment="ü")
    tail = interface_statistics(
        stamps[-1], started=stamps[0], ended=stamps[-1], received=9, dropped=1, accepted=8
    )
    path.write_bytes(head + interface + b"".join(blocks) + tail)
    return path


def tshark(path: Path, *fields: str) -> list[list[str]]:
    options = [option for field in fields for option in ("-e", field)]
    done = subprocess.run(
        ["tshark", "-n", "-r", str(path), "-T", "fields", *options],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "cut short" not in done.stderr
    assert "damaged" not in done.stderr
    return [line.split("\t") for line in done.stdout.splitlines()]


def test_tshark_reads_what_we_wrote(tmp_path: Path) -> None:
    found = list(samples.ethernet_samples().values())
    path = written(tmp_path / "a.pcapng", found)
    rows = tshark(path, "frame.time_epoch", "frame.cap_len", "frame.len", "frame.interface_name")
    for at, (data, row) in enumerate(zip(found, rows, strict=True)):
        ts = 1_700_000_000_000_000_001 + at * 1_000_000_007
        assert row == [f"{ts // 10**9}.{ts % 10**9:09d}", str(len(data)), str(len(data) + 9), "lo"]


def test_capinfos_knows_the_headers_we_wrote(tmp_path: Path) -> None:
    path = written(tmp_path / "a.pcapng", [b"x" * 60])
    said = subprocess.run(
        ["capinfos", str(path)], capture_output=True, text=True, check=True
    ).stdout
    for line in (
        "Capture hardware:    none",
        "Capture oper-sys:    Linux",
        "Capture application: Capflow",
        "Name = lo",
        "Filter string = tcp",
        "Time precision = nanoseconds (9)",
        "Number of stat entries = 1",
    ):
        assert line in said


def test_an_interface_without_options_is_still_in_nanoseconds() -> None:
    file = section_header() + interface_block(101)
    assert struct.pack("<HHB", 9, 1, 9) in file
