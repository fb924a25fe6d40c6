"""Bodies of the REST API that are not messages elsewhere."""

from enum import StrEnum
from typing import Annotated, Generic, TypeVar
from uuid import UUID

from pydantic import Field

from contracts.model import Instant, Message, Request, Text
from contracts.names import Name, SessionName
from contracts.order import (
    DEFAULT_BYTES,
    DEFAULT_IDLE_SECONDS,
    DEFAULT_SECONDS,
    Caps,
    IdleSeconds,
    Limits,
    Positive,
    Snaplen,
)

Item = TypeVar("Item")


class LimitsRequest(Request):
    """Limits asked for; what is left out is the default."""

    seconds: Positive = DEFAULT_SECONDS
    packets: Positive | None = None
    bytes: Positive = DEFAULT_BYTES


class LimitsInForce(Message):
    """What limits a capture gets."""

    default: Limits = Limits()
    """Where nothing is asked for."""
    caps: Caps | None
    """The operator's: what is asked for above them is lowered to them. None: not known now."""


class StartRequest(Request):
    """The body of `POST /v1/captures`: the fields of `StartCapture`."""

    resource: Name
    service: Name
    filter: Text = ""
    snaplen: Snaplen | None = None
    limits: LimitsRequest = LimitsRequest()
    endpoint: Name | None = None
    keep: bool = False
    idle_seconds: IdleSeconds = DEFAULT_IDLE_SECONDS
    task_id: UUID | None = None


class Ticket(Message):
    """The right to watch one session for a few minutes."""

    url: str
    ticket: str
    expires_at: Instant


class StartAnswer(Message):
    """The 202 of `POST /v1/captures`."""

    task_id: UUID
    session: SessionName
    limits: Limits
    stream: Ticket


class Role(StrEnum):
    """What an API key may be used for; each includes the one before."""

    VIEWER = "viewer"
    """Reads captures."""
    OPERATOR = "operator"
    """Also starts and stops them."""
    ADMIN = "admin"
    """Also deletes them and manages keys."""

    def includes(self, needed: "Role") -> bool:
        """Whether this role may do what `needed` may."""
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(needed)


class KeyRequest(Request):
    """An API key to make."""

    name: Name
    role: Role


class KeyInfo(Message):
    """An API key, without the key."""

    name: Name
    role: Role
    created_at: Instant


class NewKey(KeyInfo):
    """An API key just made. It is told this once; only its hash is kept."""

    key: str


class Page(Message, Generic[Item]):
    """A list, a page at a time."""

    items: list[Item]
    next_cursor: str | None = None


class Problem(Message):
    """An error (RFC 9457, application/problem+json)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    field: str | None = None
    """Of a 422: the field that is wrong."""
    session: SessionName | None = None
    task_id: UUID | None = None
    errors: Annotated[list[dict[str, str]] | None, Field(max_length=100)] = None
    """Of a 422: every field that is wrong, each with `field` and `detail`."""
