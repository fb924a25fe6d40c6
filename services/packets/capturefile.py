"""Reading capture files: pcap (draft-ietf-opsawg-pcap) and pcapng, either byte order.

Packets come one by one, so a file may be larger than memory. What is wrong with a file is said
with its name and the offset; sizes in it are bounded before they are believed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from services.packets.capturefile_input import BadCaptureFile, Input
from services.packets.capturefile_pcap import MAGICS, read_pcap
from services.packets.capturefile_pcapng import read_pcapng

__all__ = ["BadCaptureFile", "Recorded", "open_capture", "read_capture"]

_PCAPNG = b"\x0a\x0d\x0d\x0a"
_GZIP = b"\x1f\x8b"


class Recorded(NamedTuple):
    """One packet of a file."""

    ts: int
    """Nanoseconds since 1970; of a block without a time, the time of the packet before."""
    length: int
    """Bytes on the wire."""
    data: bytes
    linktype: int


@contextmanager
def open_capture(path: Path) -> Iterator[Iterator[Recorded]]:
    """The packets of a file, which is closed at the end. Raises BadCaptureFile."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise BadCaptureFile(f"{path} cannot be opened: {error.strerror}") from error
    with file:
        yield read_capture(file, str(path))


def read_capture(file: BinaryIO, name: str) -> Iterator[Recorded]:
    """The packets of an open file, which errors call `name`. Raises BadCaptureFile."""
    source = Input(file, name)
    magic = source.take(4, "a magic number")
    if magic in MAGICS:
        packets = read_pcap(source, magic)
    elif magic == _PCAPNG:
        packets = read_pcapng(source)
    else:
        raise source.bad(_foreign(magic), 0)
    for ts, length, data, linktype in packets:
        yield Recorded(ts, length, data, linktype)


def _foreign(magic: bytes) -> str:
    if magic.startswith(_GZIP):
        return "it is compressed with gzip; unpack it first"
    return f"it begins with {magic.hex(' ')}, so it is neither a pcap nor a pcapng file"
