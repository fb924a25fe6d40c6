"""WebSocket frames of a server, unmasked and in one piece (RFC 6455 section 5.2).

Made here once, so that a thousand viewers are sent the same bytes and none is copied.
"""

from struct import pack

_FINAL = 0x80
_TEXT = 0x1
_BINARY = 0x2


def text_frame(payload: bytes) -> bytes:
    """A text frame; `payload` is UTF-8."""
    return _header(_TEXT, len(payload)) + payload


def binary_frame(payload: bytes) -> bytes:
    """A binary frame."""
    return _header(_BINARY, len(payload)) + payload


def binary_header(size: int) -> bytes:
    """What goes before the `size` bytes of a binary frame."""
    return _header(_BINARY, size)


def _header(opcode: int, size: int) -> bytes:
    if size < 126:
        return pack("!BB", _FINAL | opcode, size)
    if size < 1 << 16:
        return pack("!BBH", _FINAL | opcode, 126, size)
    return pack("!BBQ", _FINAL | opcode, 127, size)
