"""The rule for names, and how a capture is named.

A resource and a service are named like a DNS label (RFC 1123). A capture's name, its session, is
`resource.service.yyyymmddhhmmss` in UTC.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import StringConstraints

NAME_PATTERN = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
SESSION_PATTERN = rf"{NAME_PATTERN}\.{NAME_PATTERN}\.[0-9]{{14}}"

Name = Annotated[str, StringConstraints(pattern=rf"^{NAME_PATTERN}$", max_length=63)]
"""The name of a resource, a service or an endpoint."""

SessionName = Annotated[str, StringConstraints(pattern=rf"^{SESSION_PATTERN}$", max_length=142)]
"""The name of a capture."""

_NAME = re.compile(NAME_PATTERN)
_UNFIT = re.compile(r"[^a-z0-9-]+")
_STAMP = "%Y%m%d%H%M%S"


def is_name(text: str) -> bool:
    """Whether `text` may name a resource or a service."""
    return _NAME.fullmatch(text) is not None


def fit_name(text: str, default: str = "host") -> str:
    """The nearest text to `text` that may be a name: `Web_01.example` becomes `web-01`."""
    first_label = text.split(".", 1)[0].lower()
    return _UNFIT.sub("-", first_label).strip("-")[:63].strip("-") or default


def session_name(resource: str, service: str, at: datetime) -> str:
    """The name of a capture of `service` on `resource` asked for at `at`."""
    return f"{resource}.{service}.{at.astimezone(UTC):{_STAMP}}"


def session_time(session: str) -> datetime:
    """When a capture of this name was asked for, to the second. Raises ValueError for what is no
    session's name."""
    _, _, stamp = session.split(".")
    return datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)


def next_session_name(session: str) -> str:
    """The name a clash moves to: the same a second later."""
    resource, service, _ = session.split(".")
    return session_name(resource, service, session_time(session) + timedelta(seconds=1))
