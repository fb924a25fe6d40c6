"""What is fed: each target says what good input is, and fails where broken input harms it."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from itertools import pairwise

from services.packets.capturefile import BadCaptureFile, read_capture
from services.packets.linktypes import ETHERNET, LINUX_SLL, RAW
from services.packets.pcapng import (
    Malformed,
    enhanced_packet,
    frames_of,
    interface_block,
    interface_statistics,
    packets_of,
    section_header,
)
from services.packets.summary import decoder_of
from tests.packets import test_capturefile as foreign
from tests.support import sample_packets as samples


@dataclass(frozen=True, slots=True)
class Target:
    """Something that reads bytes of strangers."""

    name: str
    feed: Callable[[bytes], int]
    """Reads an input; how many packets it held. Raises where that breaks a promise."""
    good: Callable[[], Sequence[bytes]]


def _summary(linktype: int, data: bytes) -> int:
    summary = decoder_of(linktype)(data)
    assert summary.protocol
    assert "".join(summary).isprintable(), "text of a packet must be escaped"
    return 1


def _block(data: bytes) -> int:
    try:
        frames = frames_of(data)
    except Malformed:
        return 0
    assert sum(end - begin for *_, begin, end in frames) == len(data)
    assert all(one[4] == other[3] for one, other in pairwise(frames))
    assert sum(len(packet.data) for packet in packets_of(data)) <= len(data)
    return len(frames)


def _file(data: bytes) -> int:
    packets = 0
    with suppress(BadCaptureFile):
        for packet in read_capture(BytesIO(data), "fuzz"):
            packets += 1
            assert len(packet.data) <= len(data)
    # A kibibyte of headers between packets may take as long as one.
    return max(packets, len(data) >> 10)


def _packets() -> list[bytes]:
    return [*samples.ethernet_samples().values(), *samples.cooked_samples().values()]


def _blocks() -> list[bytes]:
    framed = [enhanced_packet(10**18 + n, data, len(data)) for n, data in enumerate(_packets())]
    return [*framed[:8], b"".join(framed[:3]), b"".join(framed[-5:])]


def _files() -> list[bytes]:
    head = section_header(application="Capflow") + interface_block(ETHERNET, name="lo")
    tail = interface_statistics(10**18, received=9, dropped=1)
    return [*(head + one + tail for one in _blocks()), *_foreign_files()]


def _foreign_files() -> list[bytes]:
    """As others write them: pcap, and either byte order."""
    files = [foreign.pcap(order, magic, 1) for order in "<>" for magic in (0xA1B2C3D4, 0xA1B23C4D)]
    for order in "<>":
        options = foreign.option(order, 9, b"\x09")
        head = foreign.section(order) + foreign.interface(order, options=options)
        files.append(head + foreign.packet(order, 0, foreign.TS) * 3)
    return files


TARGETS = (
    Target("summary of Ethernet", partial(_summary, ETHERNET), _packets),
    Target("summary of raw IP", partial(_summary, RAW), _packets),
    Target("summary of cooked packets", partial(_summary, LINUX_SLL), _packets),
    Target("packet blocks", _block, _blocks),
    Target("capture files", _file, _files),
)
