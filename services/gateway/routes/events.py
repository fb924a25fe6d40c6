"""What happens, as it happens."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from contracts.model import Request
from services.gateway.gateway import Here
from services.gateway.openapi import problems, stream
from services.gateway.rights import Viewer
from services.gateway.sse import MEDIA_TYPE, event_stream
from services.gateway.streaming import SlottedResponse

router = APIRouter(prefix="/v1/events", tags=["tasks"])


class EventsQuery(Request):
    """What to tell."""

    resources: bool = False
    """Whether to tell of resources too."""


@router.get(
    "",
    summary="Follow task events",
    response_class=Response,
    responses=stream("Server-sent events, each a task or a resource", MEDIA_TYPE)
    | problems("too-many-streams", "invalid-request", reads=False),
)
async def follow(gateway: Here, _: Viewer, query: Annotated[EventsQuery, Query()]) -> Response:
    """Server-sent events named `task`, whose data is the task, at each change of any task's
    state. With `resources` there are also those named `resource`, whose data is the resource, when
    one comes online, goes offline, or offers or runs something else. The stream ends where events
    were or may have been missed: read anew, and follow again."""
    ready = gateway.resource_events.begin if query.resources else None
    return SlottedResponse(event_stream(gateway.listeners, ready), gateway.event_slots, MEDIA_TYPE)
