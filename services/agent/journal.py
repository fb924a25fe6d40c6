"""The tasks that this agent has begun, on disk: a file each, with the last that was known of it.

A task's file is there before its capture begins, and stays until the dispatcher no longer wants
it; so a task never runs twice, whatever happens to this process.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from pydantic import ValidationError

from contracts.ledger import Ledger
from contracts.order import Order
from contracts.task import CaptureStatus, Failure, StopReason, TaskState
from services.agent.failures import AGENT_RESTARTED
from services.agent.ledgerbook import settled
from services.runtime.logs import get
from services.runtime.secretfile import private_folder, replace


class Kept(CaptureStatus):
    """What is kept of a task."""

    next_block: int = 0
    """Blocks below this number are in the ledger."""
    sealed: bool = False
    """Whether the capture is over and all of it that is not stored is in the spool."""


class Journal:
    """The folder of those files. Its calls write to disk and raise OSError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self) -> tuple[dict[UUID, Kept], set[UUID]]:
        """What an earlier start of this agent has left: how each task stood, and the tasks whose
        file cannot be read. What had not ended was last heard of when it was written down."""
        private_folder(self._folder)
        known: dict[UUID, Kept] = {}
        unreadable: set[UUID] = set()
        for task_id, path in self._files():
            kept = _read(path)
            if kept is None:
                unreadable.add(task_id)
            else:
                last = datetime.fromtimestamp(path.stat().st_mtime, UTC)
                known[task_id] = kept.model_copy(update={"stopped_at": kept.stopped_at or last})
        return known, unreadable

    def keep(self, status: Kept) -> None:
        """Write down how a task stands."""
        replace(self._path(status.order.task_id), status.model_dump_json())

    def forget(self, task_id: UUID) -> None:
        """The task will never be wanted again."""
        self._path(task_id).unlink(missing_ok=True)

    def _path(self, task_id: UUID) -> Path:
        return self._folder / f"{task_id}.json"

    def _files(self) -> Iterator[tuple[UUID, Path]]:
        for path in sorted(self._folder.iterdir()):
            try:
                task_id = UUID(path.stem)
            except ValueError:
                continue  # a file of somebody else's, or one half written
            if path.suffix == ".json" and path.is_file() and not path.is_symlink():
                yield task_id, path


def begun(order: Order) -> Kept:
    """How a task stands of which nothing is known but that it was begun."""
    return Kept(order=order, state=TaskState.REQUESTED)


def restarted(last: Kept) -> Kept:
    """How a task ends that this agent had begun before it was restarted, and of which nothing
    waits any more. One that was over by then keeps its reason; of another the rest is unknown."""
    ledger = settled(last.ledger)
    update: dict[str, object] = {
        "state": _end_of(last),
        "ledger": ledger,
        "recovered": True,
        "stopped_at": last.stopped_at or datetime.now(UTC),
    }
    if not last.sealed:
        update |= {"stop_reason": StopReason.AGENT_RESTARTED, "error": _unknown_tail(ledger)}
    return last.model_copy(update=update)


def _end_of(last: Kept) -> TaskState:
    failed = last.sealed and last.stop_reason is StopReason.ERROR
    return TaskState.FAILED if failed else TaskState.STOPPED


def _unknown_tail(ledger: Ledger) -> Failure:
    known = ledger.captured
    return Failure(
        code=AGENT_RESTARTED,
        detail=f"the agent was restarted; what it captured from packet {known} on is unknown",
    )


def _read(path: Path) -> Kept | None:
    try:
        return Kept.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        get("agent").error("a task's journal cannot be read", file=str(path), error=str(error))
        return None
