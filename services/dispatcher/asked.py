"""A start as it was asked for, and what is answered."""

import hashlib
from dataclasses import dataclass
from uuid import UUID

from contracts.commands import CommandReply, Refused, StartCapture
from contracts.task import Capture, Failure


@dataclass(frozen=True, slots=True)
class Asked:
    """A start, by whom and under which id."""

    command: StartCapture
    task_id: UUID
    requested_by: str

    @property
    def digest(self) -> str:
        """Of what is asked for: the same task id with another digest is another start."""
        text = self.command.model_dump_json(exclude={"task_id"})
        return hashlib.sha256(text.encode()).hexdigest()


def accepted(capture: Capture) -> CommandReply:
    """A start that happens, or has happened."""
    return CommandReply(
        accepted=True, task_id=capture.task_id, session=capture.session, limits=capture.limits
    )


def refused(task_id: UUID, code: str, detail: str) -> CommandReply:
    """A command that does not happen."""
    return CommandReply(accepted=False, task_id=task_id, error=Failure(code=code, detail=detail))


def already_running(running: Capture) -> CommandReply:
    """A start that has lost to another capture, which it names."""
    return CommandReply(
        accepted=False,
        task_id=running.task_id,
        session=running.session,
        error=Failure(code=Refused.ALREADY_RUNNING, detail=f"{running.session} runs already"),
    )


def reused(asked: Asked) -> CommandReply:
    """A start under the task id of another one."""
    detail = f"task {asked.task_id} was asked for with other fields; give each start its own id"
    return refused(asked.task_id, Refused.TASK_ID_REUSED, detail)
