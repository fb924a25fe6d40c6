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
from tests.support import sample_packets as samples


@dataclass(frozen=True, slots=True)
class Target:
    """Something that reads bytes of strangers."""

    name: str
    feed: Callable[[bytes], None]
    """Reads an input. Raises where that breaks a promise."""
    good: Callable[[], Sequence[bytes]]


def _summary(linktype: int, data: bytes) -> None:
    summary = decoder_of(linktype)(data)
    assert summary.protocol
    assert "".join(summary).isprintable(), "text of a packet must be escaped"


def _block(data: bytes) -> None:
    try:
        frames = frames_of(data)
    except Malformed:
        return
    assert sum(end - begin for *_, begin, end in frames) == len(data)
    assert all(one[4] == other[3] for one, other in pairwise(frames))
    assert sum(len(packet.data) for packet in packets_of(data)) <= len(data)


def _file(data: bytes) -> None:
    with suppress(BadCaptureFile):
        for packet in read_capture(BytesIO(data), "fuzz"):
            assert len(packet.data) <= len(data)


def _packets() -> list[bytes]:
    return [*samples.ethernet_samples().values(), *samples.cooked_samples().values()]


def _blocks() -> list[bytes]:
    framed = [enhanced_packet(10**18 + n, data, len(data)) for n, data in enumerate(_packets())]
    return [*framed[:8], b"".join(framed[:3]), b"".join(framed[-5:])]


def _files() -> list[bytes]:
    head = section_header(application="Capflow") + interface_block(ETHERNET, name="lo")
    tail = interface_statistics(10**18, received=9, dropped=1)
    return [head + one + tail for one in _blocks()]


TARGETS = (
    Target("summary of Ethernet", partial(_summary, ETHERNET), _packets),
    Target("summary of raw IP", partial(_summary, RAW), _packets),
    Target("summary of cooked packets", partial(_summary, LINUX_SLL), _packets),
    Target("packet blocks", _block, _blocks),
    Target("capture files", _file, _files),
)
