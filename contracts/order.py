"""What is asked of an agent: limits, the endpoint, and the order that carries them."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from contracts.model import Instant, Message, Text
from contracts.names import Name, SessionName

DEFAULT_SECONDS = 600
DEFAULT_BYTES = 1 << 30
DEFAULT_IDLE_SECONDS = 60
MIN_SNAPLEN = 14
MAX_SNAPLEN = 262_144
MAX_FILTER_BYTES = 1024

Positive = Annotated[int, Field(ge=1, lt=2**53)]
Snaplen = Annotated[int, Field(ge=MIN_SNAPLEN, le=MAX_SNAPLEN)]
IdleSeconds = Annotated[int, Field(ge=1, le=86_400)]
EndpointType = Literal["mongodb", "sqlite"]


class Caps(Message):
    """The operator's bounds on what may be asked for; None is no cap."""

    seconds: Positive | None = None
    packets: Positive | None = None
    bytes: Positive | None = None


class Limits(Message):
    """When a capture ends by itself: the first bound that is reached.

    Time and bytes are always bounded, so nothing runs for ever; `packets` may be None.
    """

    seconds: Positive = DEFAULT_SECONDS
    packets: Positive | None = None
    bytes: Positive = DEFAULT_BYTES

    def within(self, caps: Caps) -> "Limits":
        """These limits, none of them above the operator's `caps`."""
        return Limits(
            seconds=min(self.seconds, caps.seconds or self.seconds),
            packets=_smaller(self.packets, caps.packets),
            bytes=min(self.bytes, caps.bytes or self.bytes),
        )


class EndpointRef(Message):
    """Where packets are stored, by name and type; address and credentials are the agent's own."""

    name: Name
    type: EndpointType


class Order(Message):
    """The order to an agent that makes a capture happen."""

    task_id: UUID
    session: SessionName
    resource: Name
    service: Name
    filter: Text = ""
    """pcap-filter syntax; holds beside the service's own filter."""
    snaplen: Snaplen | None = None
    """Bytes kept of each packet; the smaller of this and the service's own."""
    limits: Limits = Limits()
    endpoint: EndpointRef
    keep: bool = False
    """Whether the capture goes on when nobody watches."""
    idle_seconds: IdleSeconds = DEFAULT_IDLE_SECONDS
    """How long a capture without `keep` goes on when nobody watches."""
    requested_by: str
    requested_at: Instant


def _smaller(asked: int | None, cap: int | None) -> int | None:
    given = [bound for bound in (asked, cap) if bound is not None]
    return min(given) if given else None
