"""Blocks and captures to put into a store."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from contracts.block import Block
from contracts.ledger import Ledger
from contracts.order import EndpointRef
from contracts.task import Capture, StopReason, TaskState

EPOCH = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


def session_at(second: int, resource: str = "web-1", service: str = "http") -> str:
    """The name of a capture that was asked for so many seconds after EPOCH."""
    return f"{resource}.{service}.{EPOCH + timedelta(seconds=second):%Y%m%d%H%M%S}"


def block(session: str, number: int, *, first: int | None = None, count: int = 10) -> Block:
    """A block of `count` packets; without `first`, nothing was lost before it."""
    start = number * count if first is None else first
    data = f"{session} {number} ".encode() * 4
    return Block(session, number, start, count, 10**18 + number, 10**18 + number, 100, 3, data)


def blocks(session: str, numbers: range) -> list[Block]:
    """Blocks of ten packets each."""
    return [block(session, number) for number in numbers]


def capture(
    second: int = 0,
    *,
    resource: str = "web-1",
    service: str = "http",
    state: TaskState = TaskState.REQUESTED,
    task_id: UUID | None = None,
) -> Capture:
    """A capture asked for so many seconds after EPOCH."""
    return Capture(
        task_id=task_id or uuid4(),
        session=session_at(second, resource, service),
        resource=resource,
        service=service,
        state=state,
        requested_by="somebody",
        requested_at=EPOCH + timedelta(seconds=second, milliseconds=123),
        endpoint=EndpointRef(name="main", type="mongodb"),
        idle_seconds=60,
        filter="tcp port 80",
    )


def ended(of: Capture, second: int, size: int = 0) -> Capture:
    """The capture, stopped so many seconds after EPOCH with `size` bytes."""
    return of.model_copy(
        update={
            "state": TaskState.STOPPED,
            "stop_reason": StopReason.REQUESTED,
            "stopped_at": EPOCH + timedelta(seconds=second),
            "ledger": Ledger(seen=5, captured=5, stored=5, blocks=1, bytes=size),
        }
    )
