"""Task events as they happen."""

from fastapi import APIRouter
from fastapi.responses import Response

from services.gateway.gateway import Here
from services.gateway.openapi import problems, stream
from services.gateway.rights import Viewer
from services.gateway.sse import MEDIA_TYPE, event_stream
from services.gateway.streaming import SlottedResponse

router = APIRouter(prefix="/v1/events", tags=["tasks"])


@router.get(
    "",
    summary="Follow task events",
    response_class=Response,
    responses=stream("Server-sent events, each a task", MEDIA_TYPE)
    | problems("too-many-streams", reads=False),
)
async def follow(gateway: Here, _: Viewer) -> Response:
    """Server-sent events named `task`, whose data is the task, at each change of any task's
    state. The stream ends where events were or may have been missed: read anew, and follow
    again."""
    return SlottedResponse(event_stream(gateway.listeners), gateway.event_slots, MEDIA_TYPE)
