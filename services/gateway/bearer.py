"""The Authorization header (RFC 6750 section 2.1)."""

import re

MAX_KEY_LENGTH = 512

_CREDENTIALS = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*) *", re.IGNORECASE)


def bearer_key(header: str | None) -> str | None:
    """The key in the header's value; None where it holds none that could be ours."""
    if header is None or len(header) > MAX_KEY_LENGTH:
        return None
    found = _CREDENTIALS.fullmatch(header)
    return found[1] if found else None
