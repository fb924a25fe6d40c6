"""Values out of packets as JSON: bounded, and text that steers nothing."""

MOST_TEXT = 400
"""The most characters of a value or its text."""
MOST_BYTES = 1024
"""The most bytes of a value that are told in hex; all of them are in the packet's own."""
_SAFE_INTEGER = 2**53
"""JSON's readers keep integers below it exact (RFC 8259, section 6)."""


def shown_text(text: str) -> str:
    """Text with nothing in it that is not printable, cut at a bound."""
    cut = text[:MOST_TEXT]
    safe = cut if cut.isprintable() else "".join(map(_shown, cut))
    return safe if len(text) <= MOST_TEXT else safe + "…"


def value_of(value: object) -> int | str | None:
    """A field's raw value: an integer, bytes in hex, or text."""
    if value is None:
        return None
    if isinstance(value, bytes | bytearray):
        return bytes(value[:MOST_BYTES]).hex() + ("…" if len(value) > MOST_BYTES else "")
    if isinstance(value, str):
        return shown_text(value)
    number = _integer(value)
    if number is not None:
        return number if -_SAFE_INTEGER < number < _SAFE_INTEGER else hex(number)
    return shown_text(str(value))


def _integer(value: object) -> int | None:
    """An integer, or what stands for one, as flags do."""
    if isinstance(value, float) or not hasattr(value, "__int__"):
        return None
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def _shown(character: str) -> str:
    return character if character.isprintable() else f"\\x{ord(character):02x}"
