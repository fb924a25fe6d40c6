"""Captures: start, stop, list, read, delete, and the ticket to watch one."""

from typing import Annotated

from fastapi import APIRouter, Body, Header, Query, Request, Response

from contracts.model import Request as StrictModel
from contracts.model import Text
from contracts.names import Name, SessionName
from contracts.rest import Page, StartAnswer, StartRequest, Ticket
from contracts.task import Capture, Task, TaskState
from services.gateway import examples
from services.gateway.deleting import delete_capture
from services.gateway.gateway import Here
from services.gateway.openapi import answer, problems
from services.gateway.paging import DEFAULT_LIMIT, Limit
from services.gateway.rights import Admin, Operator, Viewer
from services.gateway.starting import start_capture
from services.gateway.stopping import stop_capture
from services.packets.endpoints.port import SessionQuery

router = APIRouter(prefix="/v1/captures", tags=["captures"])

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="With the caller it makes the task id: sent twice, the start happens once.",
    ),
]


class CaptureQuery(StrictModel):
    """Which captures, and which page."""

    state: TaskState | None = None
    resource: Name | None = None
    service: Name | None = None
    limit: Limit = DEFAULT_LIMIT
    cursor: Text | None = None


@router.post(
    "",
    status_code=202,
    summary="Start a capture",
    responses=answer(202, "Accepted; `Location` is the task's address", examples.START_ANSWER)
    | problems(
        "already-running",
        "unknown-resource",
        "unknown-service",
        "resource-offline",
        "task-id-reused",
        "invalid-request",
        "invalid-filter",
        "unknown-endpoint",
        "body-too-large",
        "too-many-starts",
        "not-ready",
        bus=True,
    ),
)
async def start(
    gateway: Here,
    caller: Operator,
    body: Annotated[StartRequest, Body(openapi_examples=examples.START_REQUESTS)],
    request: Request,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> StartAnswer:
    """One capture runs of a service at a time: while it does, the answer is 403
    `already-running`, with the `session` and `task_id` of the one that runs."""
    started = await start_capture(
        gateway, body, caller, idempotency_key=idempotency_key, asked_host=_host(request)
    )
    response.headers["Location"] = f"/v1/tasks/{started.task_id}"
    return started


@router.get(
    "",
    summary="List the captures",
    responses=answer(200, "Newest first", examples.page(examples.CAPTURE))
    | problems("invalid-request"),
)
async def list_captures(
    gateway: Here, _: Viewer, query: Annotated[CaptureQuery, Query()]
) -> Page[Capture]:
    """Running and past captures, each with its stop reason and ledger."""
    return await gateway.reads.captures(SessionQuery(**query.model_dump()))


@router.get(
    "/{session}",
    summary="Read one capture",
    responses=answer(200, "The capture", examples.CAPTURE)
    | problems("unknown-capture", "invalid-request"),
)
async def read_capture(gateway: Here, _: Viewer, session: SessionName) -> Capture:
    """The task and its order."""
    return await gateway.reads.capture(session)


@router.post(
    "/{session}/stop",
    status_code=202,
    summary="Stop a capture",
    responses=answer(202, "Accepted; `Location` is the task's address", examples.TASK)
    | problems("unknown-capture", "invalid-request", "not-ready", bus=True),
)
async def stop(gateway: Here, caller: Operator, session: SessionName, response: Response) -> Task:
    """The capture ends soon after, with its last block stored. Stopping an ended one does
    nothing; so this may be asked for again."""
    task = await stop_capture(gateway, session, caller)
    response.headers["Location"] = f"/v1/tasks/{task.task_id}"
    return task


@router.post(
    "/{session}/ticket",
    summary="Get a viewer ticket",
    responses=answer(200, "A fresh ticket", examples.TICKET)
    | problems("unknown-capture", "invalid-request"),
)
async def make_ticket(
    gateway: Here, caller: Viewer, session: SessionName, request: Request
) -> Ticket:
    """The right to watch the capture for a few minutes, shown to the streamer at `url`."""
    capture = await gateway.reads.capture(session)
    return gateway.tickets.ticket(capture.session, caller, _host(request))


@router.delete(
    "/{session}",
    status_code=204,
    response_class=Response,
    summary="Delete an ended capture",
    responses=answer(204, "Removed")
    | problems("unknown-capture", "still-running", "invalid-request"),
)
async def delete(gateway: Here, caller: Admin, session: SessionName) -> None:
    """Its packets go, and then its record."""
    await delete_capture(gateway, session, caller)


def _host(request: Request) -> str:
    return request.url.hostname or "127.0.0.1"
