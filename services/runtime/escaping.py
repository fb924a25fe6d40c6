"""Text from packets and names, made safe for a terminal and a log."""


def escape(text: str) -> str:
    """`text` with each control character as \\xNN."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
