"""The cursor of a list of captures: where the next page begins."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from contracts.task import Capture

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Place(NamedTuple):
    """A place in the list, which is by time and then by name, newest first."""

    requested_ms: int
    session: str


def milliseconds(at: datetime) -> int:
    """A time as whole milliseconds since 1970."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


def instant(ms: int) -> datetime:
    """Milliseconds since 1970 as a time."""
    return _EPOCH + timedelta(milliseconds=ms)


def page(captures: list[Capture], limit: int) -> tuple[list[Capture], str | None]:
    """At most `limit` of the captures, and the cursor of the rest where there is any."""
    items = captures[:limit]
    return items, cursor_after(items[-1]) if items and len(captures) > limit else None


def cursor_after(capture: Capture) -> str:
    """The cursor of the page that begins after `capture`."""
    place = f"{milliseconds(capture.requested_at)}.{capture.session}"
    return urlsafe_b64encode(place.encode()).decode()


def place_of(cursor: str) -> Place:
    """The place that a cursor names. Raises ValueError where it is none of ours."""
    try:
        ms, _, session = urlsafe_b64decode(cursor.encode()).decode().partition(".")
        instant(int(ms))
        return Place(int(ms), session)
    except (binascii.Error, ValueError, OverflowError):
        raise ValueError("cursor must be one that an earlier page gave") from None
