"""Blocks and options of pcapng, as bytes (draft-ietf-opsawg-pcapng sections 3.1 and 3.5)."""

from collections.abc import Iterable
from struct import Struct
from typing import NamedTuple

MAX_TEXT_BYTES = 4096
"""The most a text option takes; what is longer is cut at a character."""

_HEAD = Struct("<II")
_OPTION = Struct("<HH")
_U32 = Struct("<I")
_U64 = Struct("<Q")
_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")
_END_OF_OPTIONS = _OPTION.pack(0, 0)


class Option(NamedTuple):
    """An option of a block: its code, and its value before padding."""

    code: int
    value: bytes


def text(code: int, value: str) -> Option | None:
    """A UTF-8 option; none where the text is empty."""
    encoded = value.replace("\0", "").encode("utf-8", "replace")[:MAX_TEXT_BYTES]
    whole = encoded.decode("utf-8", "ignore").encode()
    return Option(code, whole) if whole else None


def number(code: int, value: int | None) -> Option | None:
    """An option of 64 bits; none where there is no value."""
    return None if value is None else Option(code, _U64.pack(value))


def block(kind: int, body: bytes, options: Iterable[Option | None]) -> bytes:
    """A whole block: `body`, whose length is a multiple of four, and the options there are."""
    content = body + b"".join(_encoded(option) for option in options if option)
    content += _END_OF_OPTIONS
    total = len(content) + 12
    return _HEAD.pack(kind, total) + content + _U32.pack(total)


def _encoded(option: Option) -> bytes:
    value = option.value
    return _OPTION.pack(option.code, len(value)) + value + _PADDING[len(value) & 3]
