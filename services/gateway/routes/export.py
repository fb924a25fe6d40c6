"""A capture as a file."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from contracts.model import Request
from contracts.names import SessionName
from services.gateway.export import MEDIA_TYPE, export_response
from services.gateway.gateway import Here
from services.gateway.openapi import problems, stream
from services.gateway.problems import wrong_field
from services.gateway.rights import Viewer

router = APIRouter(prefix="/v1/captures/{session}/pcapng", tags=["packets"])


class ExportQuery(Request):
    """What to send."""

    live: bool = False
    """Whether to go on until the capture ends: not offered yet."""


@router.get(
    "",
    summary="Download a capture",
    response_class=Response,
    responses=stream("The pcapng file", MEDIA_TYPE)
    | problems("unknown-capture", "invalid-request", "too-many-streams"),
)
async def download(
    gateway: Here, _: Viewer, session: SessionName, query: Annotated[ExportQuery, Query()]
) -> Response:
    """What is stored, as a pcapng file, streamed; of a capture that runs, what is stored so
    far. A connection that ends without the end of the body means that the file is not whole."""
    if query.live:
        detail = "is not offered yet: leave it out, and watch a capture that runs with a ticket"
        raise wrong_field("live", detail)
    capture = await gateway.reads.capture(session)
    return await export_response(capture, gateway.store_of(capture), gateway.export_slots)
