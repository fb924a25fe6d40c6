"""Starts: admitted once each, or refused.

In this order: known already? stopped before it came? refused lately? possible at all? Then the
claim, the record (which makes the name unique; a look at the other records goes beside it, since
most claims are rightly given), the task. A start that comes again, after a crash
or a timeout, goes through the same steps and completes what was left.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from contracts.commands import CommandReply, Refused
from contracts.record import instant
from contracts.task import Capture, TaskState
from services.dispatcher.asked import Asked, accepted, already_running, refused, reused
from services.dispatcher.claims import Claims
from services.dispatcher.events import Events
from services.dispatcher.live import Agent, Live, Tombstone
from services.dispatcher.push import Push
from services.dispatcher.recording import Recording, never_ran
from services.dispatcher.states import Change
from services.dispatcher.taskstore import Admission, Admitted, TaskStore
from services.dispatcher.timing import Timing
from services.dispatcher.vetting import Vetting
from services.packets.endpoints.port import PacketStore
from services.runtime import logs
from services.runtime.errors import Undecodable

log = logs.get("dispatcher")


@dataclass(frozen=True, slots=True)
class Starts:
    """Carries starts out."""

    tasks: TaskStore
    records: PacketStore
    vetting: Vetting
    claims: Claims
    recording: Recording
    events: Events
    push: Push
    timing: Timing

    async def handle(self, asked: Asked) -> CommandReply:
        """Admit or refuse a start. Raises Unavailable; the next call completes what was done."""
        found = await self.tasks.look(asked.task_id, asked.command.resource)
        known = await self._known(asked, found.task)
        if known is not None:
            return known
        if isinstance(found.task, Tombstone):
            return await self._stopped_before(asked)
        return found.refusal or await self._new(asked, found.agent)

    async def give_up(self, asked: Asked) -> None:
        """Let go of a start that could not be carried out in time: Undecodable sends it to the
        dead letters. Returns where it was admitted after all."""
        if isinstance(await self.tasks.load(asked.task_id), Live):
            return
        command, seconds = asked.command, self.timing.command
        await self.tasks.release(command.resource, command.service, asked.task_id)
        raise Undecodable(f"not carried out within {seconds:g} s, so it must not happen any more")

    async def _known(self, asked: Asked, held: Live | Tombstone | None) -> CommandReply | None:
        """The answer to a start that was seen before."""
        if isinstance(held, Live) and held.digest is not None:
            return await self._again(held) if held.digest == asked.digest else reused(asked)
        recorded = await self.records.session_of_task(asked.task_id)
        if recorded is None:
            return None
        capture, digest = recorded
        if digest != asked.digest:
            return reused(asked)
        if capture.state is TaskState.REQUESTED and not isinstance(held, Live):
            return await self._resumed(asked, capture)
        return accepted(capture)

    async def _again(self, live: Live) -> CommandReply:
        if live.capture.state is TaskState.REQUESTED:
            await self.push(live.capture.resource)
        await self.events.tell(live)
        return accepted(live.capture)

    async def _resumed(self, asked: Asked, capture: Capture) -> CommandReply:
        """A start that was recorded, and then left."""
        age = (instant(await self.tasks.now()) - capture.requested_at).total_seconds()
        if age > self.timing.command:
            return accepted(capture)  # too late to happen; the sweep ends it
        return await self._claim(asked, capture)

    async def _new(self, asked: Asked, agent: Agent | None) -> CommandReply:
        failure = await self.vetting.failure(asked.command, agent)
        if failure is not None:
            return refused(asked.task_id, failure.code, failure.detail)
        return await self._claim(asked, None)

    async def _claim(self, asked: Asked, recorded: Capture | None) -> CommandReply:
        command = asked.command
        taken = await self.claims.take(command.resource, command.service, asked.task_id)
        if isinstance(taken, Capture):
            return await self._lost_to(taken, asked, recorded)
        if taken is None:
            detail = f"another start of {command.service} is being decided; try again"
            return refused(asked.task_id, Refused.NOT_READY, detail)
        capture, running = await asyncio.gather(
            self._recorded(asked, recorded, instant(taken)),
            self.claims.forgotten(command.resource, command.service, asked.task_id),
        )
        if running is not None:
            return await self._lost_to(running, asked, capture)
        return await self._admit(asked, capture)

    async def _recorded(self, asked: Asked, recorded: Capture | None, now: datetime) -> Capture:
        return recorded or await self.recording.new(asked, now)

    async def _admit(self, asked: Asked, capture: Capture) -> CommandReply:
        admitted = await self.tasks.admit(capture, asked.digest)
        match admitted:
            case Admitted.TAKEN:  # our claim had run out
                return await self._claim(asked, capture)
            case Admitted.STOPPED:
                now = instant(await self.tasks.now())
                capture = never_ran(capture, now)
                await self.records.update_session(capture)
                return await self._ended(capture)
            case Admission():
                await self._pass_on(capture, admitted)
        return accepted(capture)

    async def _pass_on(self, capture: Capture, admission: Admission) -> None:
        """Tell the agent, and the world."""
        log.info("start accepted", session=capture.session, requested_by=capture.requested_by)
        told = [self.events.tell(admission.task)] if isinstance(admission.task, Live) else []
        await asyncio.gather(self.push(capture.resource, admission.wanted), *told)

    async def _lost_to(
        self, running: Capture, asked: Asked, recorded: Capture | None
    ) -> CommandReply:
        """A refused start leaves no task, and no record."""
        if recorded is not None:
            await self.records.delete_session(recorded.session)
        reply = already_running(running)
        await self.tasks.remember_refusal(asked.task_id, reply)
        return reply

    async def _stopped_before(self, asked: Asked) -> CommandReply:
        if failure := self.vetting.endpoint(asked.command.endpoint):
            return refused(asked.task_id, failure.code, failure.detail)
        capture = await self.recording.stopped(asked, instant(await self.tasks.now()))
        return await self._ended(capture)

    async def _ended(self, capture: Capture) -> CommandReply:
        """Turn what a stop has left into the task that it stopped."""
        await self.tasks.transition(0, Change(capture, (capture.state,), off=True))
        return await self._told(capture)

    async def _told(self, capture: Capture) -> CommandReply:
        live = await self.tasks.load(capture.task_id)
        if isinstance(live, Live):
            await self.events.tell(live)
        return accepted(capture)
