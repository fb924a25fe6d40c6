"""The KeepAlive of an agent, and the answer that says what is wanted of it."""

from uuid import UUID

from contracts.model import Message, Text
from contracts.names import Name
from contracts.order import Order, Snaplen
from contracts.spool import Spool
from contracts.task import CaptureStatus

KEEPALIVES_IN_A_LEASE = 3


class ServiceInfo(Message):
    """Something to watch on a resource."""

    service: Name
    interface: str
    """An interface's name, or `replay:<file name>`."""
    filter: Text = ""
    snaplen: Snaplen | None = None


class KeepAlive(Message):
    """Sent by an agent every interval, and at once when it has accepted a new revision.

    `(boot, seq)` orders the KeepAlives of one `agent_id`: nothing is concluded from an older one.
    """

    resource: Name
    agent_id: UUID
    """Made once, kept on the agent's disk."""
    boot: int
    """How many times this agent has started: kept on its disk, one more at each start."""
    seq: int
    """Grows by at least one with each message of this boot."""
    revision: int
    """The highest revision of the wanted list that this agent has accepted; kept on its disk."""
    interval: float
    """Seconds between two KeepAlives."""
    version: str
    services: list[ServiceInfo]
    captures: list[CaptureStatus]
    """Every capture that runs, and those that ended until an answer to a KeepAlive that listed
    them as ended no longer wants them."""
    spool: Spool | None = None
    """The agent's whole spool; what was lost, since this boot."""


class Wanted(Message):
    """All that is wanted on a resource: level-triggered, so that a lost one does no harm."""

    resource: Name
    revision: int
    orders: list[Order]
    seq: int | None = None
    """The KeepAlive this answers, once all that it said is durable; none: pushed, or not yet."""
    refused: str | None = None
    """Why the agent is not served (another agent lives under its name); nothing is wanted then."""
