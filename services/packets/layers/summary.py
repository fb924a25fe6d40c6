"""What a packet is, in one line, and text from packets made harmless."""

from typing import NamedTuple

MAX_TEXT = 200
"""The most characters of a packet's own text in a summary."""


class Summary(NamedTuple):
    """One packet, as a list shows it; addresses are empty where none could be read."""

    source: str
    destination: str
    protocol: str
    info: str


_SHOWN = [chr(b) if 0x20 <= b < 0x7F and b != 0x5C else f"\\x{b:02x}" for b in range(256)]


def escaped(text: bytes, most: int = MAX_TEXT) -> str:
    """Bytes of a packet as text: printable ASCII as it is, all else (and `\\`) as `\\xNN`.

    So nothing in it steers a terminal, breaks a line, or passes for an escape that it is not.
    """
    text = text[: most + 1]
    shown = text.decode("latin-1")
    if not (text.isascii() and shown.isprintable() and "\\" not in shown):
        shown = "".join([_SHOWN[byte] for byte in text])
    return shown if len(shown) <= most else shown[:most] + "…"


def truncated(
    protocol: str, have: int, need: int, source: str = "", destination: str = ""
) -> Summary:
    """A header of which only `have` bytes of `need` are there."""
    info = f"[Truncated: {max(have, 0)} of {need} bytes of header]"
    return Summary(source, destination, protocol, info)


def malformed(protocol: str, why: str, source: str = "", destination: str = "") -> Summary:
    """A header that contradicts itself."""
    return Summary(source, destination, protocol, f"[Malformed: {why}]")


def mac(address: bytes) -> str:
    """A hardware address: `02:00:00:00:00:01`."""
    return address.hex(":")
