"""A dispatcher for the gateway's tests: no rules to speak of, and told what to answer."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from redis.asyncio import Redis

from contracts.commands import CommandReply, StartCapture, StopCapture
from contracts.keepalive import ServiceInfo
from contracts.model import Message
from contracts.names import next_session_name, session_name
from contracts.order import Limits
from contracts.task import Capture, Failure, StopReason, TaskState
from contracts.topology import (
    COMMAND_REPLY,
    COMMANDS_QUEUE,
    EVENTS,
    REQUESTED_BY_HEADER,
    RESOURCES_KEY,
    START_CAPTURE,
    STOP_CAPTURE,
    TASK_EVENT,
    agent_key,
    event_key,
    running_key,
    task_key,
)
from services.packets.endpoints.opening import Endpoints
from services.packets.endpoints.port import PacketStore, SessionTaken
from services.packets.linktypes import ETHERNET
from services.runtime.bus.codec import decode, encode
from services.runtime.bus.port import Bus, Incoming, Subscription

TTL = 600
_COMMANDS: dict[str, type[Message]] = {START_CAPTURE: StartCapture, STOP_CAPTURE: StopCapture}


class StubDispatcher:
    """Accepts every start, unless `refusal` says otherwise; answers nothing while `silent`."""

    def __init__(self, bus: Bus, tasks: Redis, endpoints: Endpoints) -> None:
        self._bus = bus
        self._tasks = tasks
        self._endpoints = endpoints
        self._subscription: Subscription | None = None
        self._answers: dict[UUID, tuple[str, CommandReply]] = {}
        self.refusal: CommandReply | None = None
        self.silent = False
        self.runs_at_once = False
        self.commands: list[Incoming] = []
        self.limits = Limits(seconds=60)
        self._deciding = asyncio.Lock()

    @property
    def store(self) -> PacketStore:
        return self._endpoints.first

    async def start(self) -> None:
        self._subscription = await self._bus.consume(COMMANDS_QUEUE, self._on_command)

    async def stop(self) -> None:
        if self._subscription is not None:
            await self._subscription.cancel()
            self._subscription = None

    async def resource(self, name: str, *services: str, online: bool = True, **more: str) -> None:
        """An agent's last KeepAlive."""
        now = datetime.now(UTC).timestamp() * 1000 - (0 if online else 3_600_000)
        infos = [ServiceInfo(service=each, interface=each).model_dump() for each in services]
        record: Any = {
            "agent_id": "6f0b8a52-8f0c-4f4e-9d5a-1f1f6f2f9a10",
            "seen_ms": int(now),
            "interval": 5.0,
            "version": "0.1.0",
            "services": json.dumps(infos),
            **more,
        }
        await self._tasks.hset(agent_key(name), mapping=record)
        await self._tasks.expire(agent_key(name), TTL)
        await self._tasks.zadd(RESOURCES_KEY, {name: int(now)})
        await self._tasks.expire(RESOURCES_KEY, TTL)

    async def becomes(self, task_id: UUID | str, state: TaskState, **more: Any) -> Capture:
        """A task changes: in the store, in Redis, and as an event, in this order."""
        found = await self.store.session_of_task(UUID(str(task_id)))
        assert found is not None
        capture = found[0].model_copy(update={"state": state, **more})
        await self.store.update_session(capture)
        await self._keep(capture)
        if state.ended:
            await self._tasks.delete(running_key(capture.resource, capture.service))
        await self._tell(capture)
        return capture

    async def ends(self, task_id: UUID | str, **more: Any) -> Capture:
        """A task stops because it was asked to."""
        at = datetime.now(UTC)
        ended = {"stop_reason": StopReason.REQUESTED, "stopped_at": at, **more}
        return await self.becomes(task_id, TaskState.STOPPED, **ended)

    async def _on_command(self, incoming: Incoming) -> None:
        self.commands.append(incoming)
        if self.silent:
            return
        command = decode(incoming, _COMMANDS)
        if self.refusal is not None:
            reply = self.refusal
        elif isinstance(command, StartCapture):
            async with self._deciding:
                reply = await self._started(command, str(incoming.headers[REQUESTED_BY_HEADER]))
        else:
            assert isinstance(command, StopCapture)
            reply = await self._stopped(command)
        assert incoming.reply_to is not None
        answer = encode(COMMAND_REPLY, reply, correlation_id=incoming.correlation_id)
        await self._bus.reply(incoming.reply_to, answer)

    async def _started(self, command: StartCapture, by: str) -> CommandReply:
        assert command.task_id is not None
        digest = command.model_dump_json()
        known = self._answers.get(command.task_id)
        if known is not None:
            return known[1] if known[0] == digest else _refused("task-id-reused")
        if command.endpoint not in (None, self._endpoints.first_name):
            return _refused("unknown-endpoint")
        key = running_key(command.resource, command.service)
        holder: Any = await self._tasks.get(key)
        if holder is not None:
            found = await self.store.session_of_task(UUID(holder.decode()))
            assert found is not None
            return _refused("already-running", found[0])
        capture = await self._recorded(command, by, digest)
        await self._tasks.set(key, str(command.task_id), ex=TTL)
        await self._keep(capture)
        await self._tell(capture)
        reply = CommandReply(
            accepted=True, task_id=capture.task_id, session=capture.session, limits=self.limits
        )
        self._answers[command.task_id] = (digest, reply)
        if self.runs_at_once:
            await self.becomes(command.task_id, TaskState.RUNNING, linktype=ETHERNET)
        return reply

    async def _recorded(self, command: StartCapture, by: str, digest: str) -> Capture:
        at = datetime.now(UTC)
        session = session_name(command.resource, command.service, at)
        while True:
            capture = Capture.model_validate(
                command.model_dump()
                | {
                    "session": session,
                    "endpoint": self._endpoints.ref(command.endpoint),
                    "state": TaskState.REQUESTED,
                    "requested_by": by,
                    "requested_at": at,
                }
            )
            try:
                await self.store.insert_session(capture, digest)
            except SessionTaken:
                session = next_session_name(session)
            else:
                return capture

    async def _stopped(self, command: StopCapture) -> CommandReply:
        capture = await self.store.session(command.session or "")
        if capture is None:
            return _refused("unknown-capture")
        if not capture.state.ended:
            await self.becomes(capture.task_id, TaskState.STOPPING)
        return CommandReply(accepted=True, task_id=capture.task_id, session=capture.session)

    async def _keep(self, capture: Capture) -> None:
        key = task_key(capture.task_id)
        fields: Any = {
            "capture": capture.model_dump_json(),
            "state": capture.state.value,
            "ledger": capture.ledger.model_dump_json(),
        }
        await self._tasks.hset(key, mapping=fields)
        await self._tasks.expire(key, TTL)

    async def _tell(self, capture: Capture) -> None:
        key = event_key(capture.state, capture.resource, capture.service)
        await self._bus.publish(EVENTS, key, encode(TASK_EVENT, capture.task()), mandatory=False)


def _refused(code: str, running: Capture | None = None) -> CommandReply:
    return CommandReply(
        accepted=False,
        task_id=running.task_id if running else None,
        session=running.session if running else None,
        error=Failure(code=code, detail=f"refused: {code}"),
    )
