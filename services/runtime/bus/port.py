"""The bus as services see it: publish, reply, hold a mailbox, consume."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import uuid4

from contracts.topology import QueueSpec


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to send. The bus adds timestamp, content type, version header and user id."""

    type: str
    body: bytes
    message_id: str = field(default_factory=lambda: str(uuid4()))
    correlation_id: str | None = None
    expiration: float | None = None
    """Seconds after which the broker must no longer deliver it."""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message received."""

    type: str
    body: bytes
    message_id: str
    routing_key: str
    correlation_id: str | None = None
    reply_to: str | None = None
    user_id: str | None = None
    app_id: str | None = None
    redelivered: bool = False
    headers: Mapping[str, object] = field(default_factory=dict)


Handler = Callable[[Incoming], Awaitable[None]]
"""Handles one message. Returning acknowledges it, so its effect must be durable by then.
`Undecodable` sends it to the dead letters with the reason; `Unavailable` pauses the queue and
tries the same message again; anything else is a bug of ours: logged, and to the dead letters."""

Quick = Callable[[Sequence[Incoming]], Awaitable[set[int]]]
"""Handles many messages at once, those that take no more than a glance. Gives the places of the
others, which are left to the queue's handler; where it raises anything, all are."""

Receiver = Callable[[Incoming], None]
"""Takes one reply; must not block."""


class Subscription(Protocol):
    """A running consumer."""

    async def cancel(self) -> None:
        """Take no more messages, and wait for the handlers under way."""


class Mailbox(Protocol):
    """A reply address of our own (RabbitMQ's direct reply-to) and the way to send from it.

    The address changes when the connection is made anew; replies to the old one are lost.
    """

    async def send(self, exchange: str, routing_key: str, message: Outgoing) -> None:
        """Publish with this mailbox as `reply_to`; errors as `Bus.publish`."""

    async def close(self) -> None:
        """Give the address up."""


class Bus(Protocol):
    """A message bus with topic exchanges, queues, dead letters and direct replies.

    Exchanges and queues of `contracts.topology` are declared when it connects, and again when
    they have gone.
    """

    @property
    def connected(self) -> bool:
        """Whether the bus can be used now."""

    @property
    def regained(self) -> float:
        """When it last became usable, by the event loop's clock."""

    async def publish(
        self, exchange: str, routing_key: str, message: Outgoing, *, mandatory: bool = True
    ) -> None:
        """Publish, and wait until the broker has it.

        Raises Unroutable where `mandatory` and no queue takes it, and BusUnavailable where the
        broker does not confirm within a few seconds; the message may arrive all the same.
        """

    async def reply(self, reply_to: str, message: Outgoing) -> None:
        """Answer a `reply_to`: a direct reply-to address or a foreign queue.

        A reply is never proof: its reader may be gone, and then nothing is raised. An address
        that names one of our own queues is refused with ValueError.
        """

    async def reply_all(self, answers: Sequence[tuple[str, Outgoing]]) -> None:
        """Give many answers, each with its `reply_to`, at the cost of little more than one."""

    async def mailbox(self, receiver: Receiver) -> Mailbox:
        """A mailbox whose replies go to `receiver`."""

    async def consume(
        self, queue: QueueSpec, handler: Handler, quick: Quick | None = None
    ) -> Subscription:
        """Hand the messages of `queue` to `handler`, at most `queue.prefetch` at once; first to
        `quick`, where there is one and nothing is away."""

    async def close(self) -> None:
        """Close the connections; consumers are cancelled first by their owners."""
