"""Commands to the dispatcher: published, awaited, and what its answer means here."""

from http import HTTPStatus
from uuid import UUID

from contracts.commands import CommandReply, StartCapture, StopCapture
from contracts.commands import Refused as Code
from contracts.model import Message
from contracts.task import Failure
from contracts.topology import (
    COMMAND_EXPIRATION,
    COMMAND_REPLY,
    COMMANDS,
    REQUESTED_BY_HEADER,
    START_CAPTURE,
    STOP_CAPTURE,
    start_key,
    stop_key,
)
from services.gateway.failures import RETRY_AFTER, away
from services.gateway.metrics import Metrics
from services.gateway.problems import Refused, status_of, wrong_field
from services.gateway.roles import Caller
from services.runtime.bus.codec import decode, encode
from services.runtime.bus.requests import Requests
from services.runtime.errors import BusUnavailable, Undecodable, Unroutable

ANSWER_TIMEOUT = 2.0
"""Seconds for publishing and the dispatcher's answer together."""

_FIELDS = {Code.INVALID_FILTER: "filter", Code.UNKNOWN_ENDPOINT: "endpoint"}


class Commands:
    """Sends commands and waits for the answer."""

    def __init__(self, requests: Requests, metrics: Metrics) -> None:
        self._requests = requests
        self._metrics = metrics

    async def start(self, command: StartCapture, caller: Caller) -> CommandReply:
        """Start a capture; the answer is one that accepts. Raises Refused.

        Where nobody can say whether it was started, the task id to ask again with is told.
        """
        key = start_key(command.resource, command.service)
        try:
            reply = await self._ask(START_CAPTURE, key, command, caller)
        except (BusUnavailable, Unroutable) as error:
            raise away(error, task_id=command.task_id) from error
        if not reply.accepted:
            raise refusal(reply, command.task_id)
        return reply

    async def stop(self, session: str, caller: Caller) -> CommandReply:
        """Stop a capture. Raises Refused, or BusUnavailable or Unroutable."""
        resource, service, _ = session.split(".")
        command = StopCapture(session=session)
        reply = await self._ask(STOP_CAPTURE, stop_key(resource, service), command, caller)
        if not reply.accepted:
            raise refusal(reply)
        return reply

    async def _ask(self, type: str, key: str, command: Message, caller: Caller) -> CommandReply:
        headers = {REQUESTED_BY_HEADER: caller.name}
        message = encode(type, command, expiration=COMMAND_EXPIRATION, headers=headers)
        outcome = "unanswered"
        try:
            answer = await self._requests.ask(COMMANDS, key, message, ANSWER_TIMEOUT)
            reply = decode(answer, {COMMAND_REPLY: CommandReply})
            outcome = "accepted" if reply.accepted else "refused"
        except Undecodable as error:
            raise BusUnavailable(f"the dispatcher's answer cannot be read: {error}") from error
        finally:
            self._metrics.commands.labels(type, outcome).inc()
        return reply


def refusal(reply: CommandReply, asked: UUID | None = None) -> Refused:
    """The problem for a refusal of the dispatcher's; `asked` is the task id that was sent."""
    error = reply.error or Failure(code=Code.NOT_READY, detail="refused without a reason")
    if error.code in _FIELDS:
        return wrong_field(_FIELDS[error.code], error.detail, error.code)
    if status_of(error.code) == HTTPStatus.SERVICE_UNAVAILABLE:
        return Refused(error.code, error.detail, retry_after=RETRY_AFTER, task_id=asked)
    return Refused(error.code, error.detail, session=reply.session, task_id=reply.task_id)
