"""The first line of HTTP/1 requests and answers (RFC 9112)."""

from services.packets.layers.summary import MAX_TEXT, escaped

_STARTS = frozenset(
    (
        b"GET ",
        b"POST",
        b"PUT ",
        b"HEAD",
        b"HTTP",
        b"DELE",
        b"OPTI",
        b"PATC",
        b"CONN",
        b"TRAC",
        b"PRI ",
    )
)
FIRST_BYTES = frozenset(start[0] for start in _STARTS)


def http(data: bytes, at: int, stop: int) -> str | None:
    """The first line, or None where it is none of HTTP's."""
    if data[at : at + 4] not in _STARTS:
        return None
    line = data[at : min(at + MAX_TEXT + 2, stop)].split(b"\n", 1)[0].rstrip(b"\r")
    if not line.startswith(b"HTTP/") and b" " not in line:
        return None
    return escaped(line)
