"""Commands: decoded, carried out, answered."""

import asyncio

from contracts.commands import CommandReply, StartCapture, StopCapture, task_id_of
from contracts.topology import COMMAND_REPLY, START_CAPTURE, STOP_CAPTURE
from services.dispatcher.asked import Asked
from services.dispatcher.metrics import Metrics
from services.dispatcher.sender import requested_by
from services.dispatcher.starts import Starts
from services.dispatcher.stops import Stops
from services.runtime import logs
from services.runtime.bus.codec import decode, encode
from services.runtime.bus.port import Bus, Incoming

log = logs.get("dispatcher")

_MODELS: dict[str, type[StartCapture | StopCapture]] = {
    START_CAPTURE: StartCapture,
    STOP_CAPTURE: StopCapture,
}
_MOST_WAITING = 1000


class Intake:
    """Takes commands. A start that waits for something that is away waits in place, but not
    longer than its sender means it."""

    def __init__(
        self, bus: Bus, starts: Starts, stops: Stops, metrics: Metrics, own_user: str | None
    ) -> None:
        self._bus = bus
        self._starts = starts
        self._stops = stops
        self._metrics = metrics
        self._own_user = own_user
        self._waiting: dict[str, float] = {}
        """When each start in hand was first received, by the loop's clock; the oldest goes."""

    async def handle(self, incoming: Incoming) -> None:
        """Carry one command out and answer it. Raises Unavailable, to be called again."""
        command = decode(incoming, _MODELS)
        who = requested_by(incoming, self._own_user)
        if isinstance(command, StopCapture):
            reply = await self._stops.handle(command, who)
        else:
            reply = await self._start(incoming, command, who)
        outcome = reply.error.code if reply.error else "accepted"
        self._metrics.commands.labels(incoming.type, outcome).inc()
        await self._answer(incoming, reply)

    async def _start(self, incoming: Incoming, command: StartCapture, who: str) -> CommandReply:
        asked = Asked(command, command.task_id or task_id_of(incoming.message_id), who)
        if self._overdue(incoming.message_id):
            await self._starts.give_up(asked)
        reply = await self._starts.handle(asked)
        self._waiting.pop(incoming.message_id, None)
        return reply

    def _overdue(self, message_id: str) -> bool:
        now = asyncio.get_running_loop().time()
        if len(self._waiting) >= _MOST_WAITING and message_id not in self._waiting:
            del self._waiting[next(iter(self._waiting))]
        received = self._waiting.setdefault(message_id, now)
        return now - received > self._starts.timing.command

    async def _answer(self, incoming: Incoming, reply: CommandReply) -> None:
        if not incoming.reply_to:
            return
        correlation = incoming.correlation_id or incoming.message_id
        message = encode(COMMAND_REPLY, reply, correlation_id=correlation)
        try:
            await self._bus.reply(incoming.reply_to, message)
        except ValueError as error:
            self._metrics.replies_refused.inc()
            log.warning("reply address refused", command=incoming.type, reason=str(error))
