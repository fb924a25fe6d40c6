"""A start: checked here as far as it can be, then the dispatcher's to decide."""

from uuid import UUID

from contracts.commands import StartCapture
from contracts.order import Limits
from contracts.rest import StartAnswer, StartRequest
from services.gateway.gateway import Gateway
from services.gateway.idempotency import task_id_for
from services.gateway.problems import wrong_field
from services.gateway.roles import Caller
from services.packets.filters import FilterCompiler, FilterRefused
from services.packets.linktypes import ETHERNET
from services.packets.program import Program
from services.runtime import logs


async def start_capture(
    gateway: Gateway,
    request: StartRequest,
    caller: Caller,
    *,
    idempotency_key: str | None,
    asked_host: str,
) -> StartAnswer:
    """Start a capture for `caller`. Raises Refused."""
    gateway.quota.take(caller)
    task_id = _task_id(caller, idempotency_key, request.task_id)
    await program_of(gateway.filters, request.filter)
    command = StartCapture.model_validate(request.model_dump() | {"task_id": task_id})
    reply = await gateway.commands.start(command, caller)
    assert reply.session is not None, "an accepted start has a session"
    logs.get("gateway").info(
        "capture started", session=reply.session, task_id=str(task_id), by=caller.name
    )
    return StartAnswer(
        task_id=task_id,
        session=reply.session,
        limits=reply.limits or Limits(**request.limits.model_dump()),
        stream=gateway.tickets.ticket(reply.session, caller, asked_host),
    )


async def program_of(
    filters: FilterCompiler, expression: str, linktype: int | None = None
) -> Program:
    """The program of a filter that came with a request. Raises Refused with libpcap's words."""
    try:
        return await filters.compile(expression, ETHERNET if linktype is None else linktype)
    except FilterRefused as error:
        raise wrong_field("filter", str(error), "invalid-filter") from None


def _task_id(caller: Caller, idempotency_key: str | None, chosen: UUID | None) -> UUID:
    try:
        return task_id_for(caller.name, idempotency_key, chosen)
    except ValueError as error:
        raise wrong_field("task_id", str(error)) from None
