"""The tasks that this agent has begun, on disk: a file each, with the last that was known of it.

A task's file is there before its capture begins, and stays until the dispatcher no longer wants
it; so a task never runs twice, whatever happens to this process.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from pydantic import ValidationError

from contracts.order import Order
from contracts.task import CaptureStatus, Failure, StopReason, TaskState
from services.agent.failures import AGENT_RESTARTED
from services.agent.ledgerbook import settled
from services.runtime.logs import get
from services.runtime.secretfile import private_folder, replace


class Journal:
    """The folder of those files. Its calls write to disk and raise OSError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self) -> tuple[dict[UUID, CaptureStatus], set[UUID]]:
        """What an earlier start of this agent has left: how each task stands, and the tasks whose
        file cannot be read. What had not ended was ended by the restart, and is kept as such."""
        private_folder(self._folder)
        known: dict[UUID, CaptureStatus] = {}
        unreadable: set[UUID] = set()
        for task_id, path in self._files():
            status = _read(path)
            if status is None:
                unreadable.add(task_id)
            else:
                known[task_id] = ended = status if status.state.ended else _cut_off(status, path)
                self.keep(ended)
        return known, unreadable

    def keep(self, status: CaptureStatus) -> None:
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


def restarted(order: Order, status: CaptureStatus | None = None) -> CaptureStatus:
    """How a task stands that this agent had begun before it was restarted."""
    last = status or CaptureStatus(order=order, state=TaskState.REQUESTED)
    return last.model_copy(
        update={
            "state": TaskState.STOPPED,
            "stop_reason": StopReason.AGENT_RESTARTED,
            "error": _unknown_tail(last),
            "ledger": settled(last.ledger),
            "stopped_at": last.stopped_at or datetime.now(UTC),
        }
    )


def _cut_off(status: CaptureStatus, path: Path) -> CaptureStatus:
    last_heard = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return restarted(status.order, status.model_copy(update={"stopped_at": last_heard}))


def _unknown_tail(last: CaptureStatus) -> Failure:
    known = last.ledger.captured
    return Failure(
        code=AGENT_RESTARTED,
        detail=f"the agent was restarted; what it captured from packet {known} on is unknown",
    )


def _read(path: Path) -> CaptureStatus | None:
    try:
        return CaptureStatus.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        get("agent").error("a task's journal cannot be read", file=str(path), error=str(error))
        return None
