"""Pages of lists that are sorted by name: the cursor is the last name, opaque to clients."""

import base64
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from contracts.names import is_name

DEFAULT_LIMIT = 50
MAX_LIMIT = 500

Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT)]
"""How many items a page holds at most."""


def cursor_after(name: str) -> str:
    """The cursor of the page that begins after `name`."""
    return base64.urlsafe_b64encode(name.encode()).decode().rstrip("=")


def name_before(cursor: str) -> str:
    """The name that `cursor` was made of. ValueError where it is not one of ours."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        name = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except ValueError:
        name = ""
    if not is_name(name) or cursor_after(name) != cursor:
        raise ValueError("must be the next_cursor of the page before")
    return name


def page_of(names: Sequence[str], cursor: str | None, limit: int) -> tuple[list[str], str | None]:
    """The sorted names after `cursor`, and the next page's cursor. ValueError as `name_before`."""
    start = "" if cursor is None else name_before(cursor)
    rest = sorted(name for name in names if name > start)
    page = rest[:limit]
    return page, cursor_after(page[-1]) if len(rest) > limit else None
