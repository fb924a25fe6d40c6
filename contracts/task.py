"""A task as others see it: its states, why it ended, what agents report of it."""

from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import StringConstraints

from contracts.ledger import Ledger
from contracts.model import Instant, Message, Text
from contracts.names import Name, SessionName
from contracts.order import EndpointRef, IdleSeconds, Limits, Order, Snaplen
from contracts.spool import Spool


class TaskState(StrEnum):
    """Where a task is; the dispatcher's table says what may follow what."""

    REQUESTED = "requested"
    RUNNING = "running"
    STOPPING = "stopping"
    LOST = "lost"
    STOPPED = "stopped"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        """Whether nothing can follow."""
        return self in (TaskState.STOPPED, TaskState.FAILED)


class StopReason(StrEnum):
    """Why a capture ended; every ended one has a reason."""

    REQUESTED = "requested"
    SECONDS = "seconds"
    PACKETS = "packets"
    BYTES = "bytes"
    NO_VIEWER = "no-viewer"
    AGENT_SHUTDOWN = "agent-shutdown"
    AGENT_RESTARTED = "agent-restarted"
    AGENT_LOST = "agent-lost"
    SOURCE_ENDED = "source-ended"
    ERROR = "error"


class Failure(Message):
    """What went wrong: a code for programs, and what happened, to what, and what to do."""

    code: str
    detail: str


class Task(Message):
    """A task: `TaskEvent` on the bus, and the answer of `GET /v1/tasks/{id}`."""

    task_id: UUID
    session: SessionName
    resource: Name
    service: Name
    state: TaskState
    stop_reason: StopReason | None = None
    error: Failure | None = None
    ledger: Ledger = Ledger()
    spool: Spool | None = None
    """What waits, or waited, on its agent's disk; none where the agent does not say."""
    requested_by: str
    requested_at: Instant
    started_at: Instant | None = None
    stopped_at: Instant | None = None


class Watched(Message):
    """What an agent says of a capture's service; nothing before it runs."""

    interface: str | None = None
    linktype: int | None = None
    """The link type's number in the registry of LINKTYPE_ values (pcap-linktype(7))."""
    service_filter: Text = ""
    """The service's own filter, which holds beside the order's."""
    service_snaplen: Snaplen | None = None
    """The service's own snap length; the smaller of it and the order's holds."""

    def watched(self) -> dict[str, Any]:
        """These fields alone."""
        return {name: getattr(self, name) for name in Watched.model_fields}


class Capture(Task, Watched):
    """A task and its order: the answer of `GET /v1/captures/{session}`, and the stored record."""

    filter: str = ""
    snaplen: Snaplen | None = None
    limits: Limits = Limits()
    endpoint: EndpointRef
    keep: bool = False
    idle_seconds: IdleSeconds
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    """Of an ended capture: the SHA-256 of its pcapng file, known once it was sent whole."""

    @property
    def filter_in_force(self) -> str:
        """The service's filter and the order's, as text: the agent chains what each compiles to,
        so that `vlan` and its like in one shift nothing in the other."""
        texts = [text.strip() for text in (self.service_filter, self.filter) if text.strip()]
        return texts[0] if len(texts) == 1 else " and ".join(f"({text})" for text in texts)

    @property
    def snaplen_in_force(self) -> int | None:
        """Bytes kept of each packet; None is all."""
        lengths = [length for length in (self.service_snaplen, self.snaplen) if length]
        return min(lengths, default=None)

    @classmethod
    def of(cls, order: Order, state: TaskState = TaskState.REQUESTED) -> "Capture":
        """The capture that `order` asks for."""
        return cls(state=state, **dict(order))

    def order(self) -> Order:
        """The order that asks for this capture."""
        return Order(**{name: getattr(self, name) for name in Order.model_fields})

    def task(self) -> Task:
        """The capture without its order."""
        return Task(**{name: getattr(self, name) for name in Task.model_fields})


class CaptureStatus(Watched):
    """What an agent says of one capture that it runs or has ended."""

    order: Order
    state: TaskState
    """`running`, `stopping`, `stopped` or `failed`."""
    stop_reason: StopReason | None = None
    error: Failure | None = None
    ledger: Ledger = Ledger()
    spool: Spool | None = None
    recovered: bool = False
    """Whether its agent was restarted since it ran: only the store knows all that is stored."""
    started_at: Instant | None = None
    stopped_at: Instant | None = None


class TaskReport(Message):
    """An agent's report of one capture, at each change and once a second."""

    resource: Name
    agent_id: UUID
    boot: int
    seq: int
    """From the counter that also numbers the agent's KeepAlives, so that age can be told."""
    capture: CaptureStatus
