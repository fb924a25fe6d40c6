"""What a resource's tasks are after the task store was wiped or came back old. Pure.

The stored records know what has not ended; the agent's KeepAlive knows what runs.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from contracts.keepalive import KeepAlive
from contracts.task import Capture, TaskState
from services.dispatcher.live import Mark

UNKNOWN_BOOT = "?"
"""Ran, but nobody knows any more in which boot."""


@dataclass(frozen=True, slots=True)
class PutBack:
    """A task to be put back."""

    capture: Capture
    wanted: bool
    boot: str
    """Of the agent that runs it; empty: it was never heard to run."""
    interval: float
    """Of the agent's KeepAlives, in seconds."""


@dataclass(frozen=True, slots=True)
class Adoption:
    """A resource's tasks put right."""

    put_back: list[PutBack]
    dropped: list[str]
    """Tasks in the store that have ended."""


def adopt(records: Sequence[Capture], beat: KeepAlive, held: Collection[str]) -> Adoption:
    """The tasks of a resource, from the `records` that are open, read after the ids of the tasks
    that the store holds as open there."""
    listed = {status.order.task_id: status for status in beat.captures}
    put_back = []
    for record in records:
        status = listed.get(record.task_id)
        boot = Mark.of(beat).token if status else _ran(record)
        capture = record.model_copy(update={"ledger": status.ledger}) if status else record
        put_back.append(PutBack(capture, _is_wanted(record), boot, beat.interval))
    open_ids = {str(record.task_id) for record in records}
    return Adoption(put_back, [task_id for task_id in held if task_id not in open_ids])


def put_back_silent(record: Capture, interval: float) -> PutBack:
    """A task whose agent has not spoken since; when it does, it says what it runs."""
    return PutBack(record, wanted=False, boot=_ran(record), interval=interval)


def may_be_under_way(record: Capture, now: datetime, seconds: float) -> bool:
    """Whether a record without a task may be a start that is being carried out just now."""
    age = (now - record.requested_at).total_seconds()
    return record.state is TaskState.REQUESTED and age < seconds


def _is_wanted(record: Capture) -> bool:
    return record.state is not TaskState.STOPPING and record.stop_reason is None


def _ran(record: Capture) -> str:
    return "" if record.state is TaskState.REQUESTED else UNKNOWN_BOOT
