"""Stops: by session or by task, before or after the start, once or often."""

from dataclasses import dataclass
from uuid import UUID

from contracts.commands import CommandReply, Refused, StopCapture
from contracts.task import Capture, Failure, StopReason
from services.dispatcher import states
from services.dispatcher.changes import Changes
from services.dispatcher.live import Live
from services.dispatcher.taskstore import TaskStore
from services.packets.endpoints.port import PacketStore
from services.runtime import logs

log = logs.get("dispatcher")


@dataclass(frozen=True, slots=True)
class Stops:
    """Carries stops out."""

    tasks: TaskStore
    records: PacketStore
    changes: Changes

    async def handle(self, command: StopCapture, requested_by: str) -> CommandReply:
        """Stop a capture. Raises Unavailable; the next call completes what was done."""
        task_id, session = command.task_id, command.session
        if session is not None:
            task_id = await self._task_of(session)
        if task_id is None:
            detail = f"there is no capture {session}"
            failure = Failure(code=Refused.UNKNOWN_CAPTURE, detail=detail)
            return CommandReply(accepted=False, session=session, error=failure)
        stopped = await self._stop(task_id)
        log.info("stop accepted", task_id=str(task_id), requested_by=requested_by)
        return CommandReply(
            accepted=True, task_id=task_id, session=stopped.session if stopped else None
        )

    async def _task_of(self, session: str) -> UUID | None:
        """The task of a session; the claim knows it where the records are away."""
        resource, service, _ = session.split(".")
        holder = await self.tasks.holder(resource, service)
        live = await self.tasks.load(holder) if holder else None
        if isinstance(live, Live) and live.capture.session == session:
            return holder
        record = await self.records.session(session)
        return record.task_id if record else None

    async def _stop(self, task_id: UUID) -> Capture | None:
        """Stop a task; where there is none yet, its start will find that a stop came first."""
        while True:
            live = await self.changes.apply(task_id, _requested)
            if live is not None:
                return live.capture
            recorded = await self.records.session_of_task(task_id)
            record = recorded[0] if recorded else None
            if record is not None and record.state.ended:
                return record
            if record is not None and (change := states.stop(record, StopReason.REQUESTED)):
                await self.records.update_session(change.capture)  # it is put back as that
            if await self.tasks.entomb(task_id):
                return record


def _requested(live: Live) -> states.Change | None:
    return states.stop(live.capture, StopReason.REQUESTED)
