"""A resource as others see it."""

from uuid import UUID

from contracts.keepalive import ServiceInfo
from contracts.model import Instant, Message
from contracts.names import Name


class Conflict(Message):
    """Another agent that claims the resource's name and is refused."""

    agent_id: UUID
    last_seen: Instant


class Resource(Message):
    """A host with an agent."""

    resource: Name
    online: bool
    last_seen: Instant
    version: str
    services: list[ServiceInfo]
    online_since: Instant | None = None
    """Since when it has been heard of without a pause; none while it is offline."""
    running: list[UUID]
    """The tasks of its captures that have not ended."""
    conflict: Conflict | None = None
