"""Domain names in DNS messages, compressed (RFC 1035 section 4.1.4)."""

from services.packets.layers.summary import MAX_TEXT, escaped

MAX_STEPS = 128
"""Labels and pointers followed; a name has 127 labels at most."""
_POINTER = 0xC0


def read_name(data: bytes, start: int, at: int, stop: int) -> tuple[str, int]:
    """The name at `at`, of a message that begins at `start`, and where it ends.

    A pointer must lead back to before where it stands: so no chain of them is a loop.
    """
    labels: list[bytes] = []
    after = 0
    before = at
    for _ in range(MAX_STEPS):
        if at >= stop:
            break
        length = data[at]
        if length >= _POINTER and at + 1 < stop:
            after = after or at + 2
            target = start + (((length & 0x3F) << 8) | data[at + 1])
            if target >= before:
                return _shown(labels, " [Malformed]"), after
            at = before = target
        elif length == 0:
            return _shown(labels), after or at + 1
        elif length >= 0x40:  # no such label, or a pointer cut in two
            break
        else:
            labels.append(data[at + 1 : min(at + 1 + length, stop)])
            at += 1 + length
    return _shown(labels, "…"), after or stop


def _shown(labels: list[bytes], ending: str = "") -> str:
    if not labels:
        return ending.strip() or "<Root>"
    return escaped(b".".join(labels), MAX_TEXT) + ending
