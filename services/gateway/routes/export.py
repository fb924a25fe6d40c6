"""A capture as a file."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from contracts.model import Request
from contracts.names import SessionName
from services.gateway.exports import MEDIA_TYPE, file_headers
from services.gateway.gateway import Here
from services.gateway.openapi import problems, stream
from services.gateway.rights import Viewer

router = APIRouter(prefix="/v1/captures/{session}/pcapng", tags=["packets"])


class ExportQuery(Request):
    """What to send."""

    live: bool = False
    """Whether to go on until the capture ends."""


Asked = Annotated[ExportQuery, Query()]


@router.get(
    "",
    summary="Download a capture, or follow it",
    response_class=Response,
    responses=stream("The pcapng file", MEDIA_TYPE)
    | problems("unknown-capture", "invalid-request", "too-many-streams"),
)
async def download(gateway: Here, _: Viewer, session: SessionName, query: Asked) -> Response:
    """What is stored, as a pcapng file, streamed; of a capture that runs, what is stored so
    far, or with `live` all until it ends. A connection that ends without the end of the body
    means that the file is not whole. `Repr-Digest` holds the SHA-256 of an ended capture's file,
    once it was sent whole."""
    capture = await gateway.reads.capture(session)
    return await gateway.exports.response(capture, gateway.store_of(capture), query.live)


@router.head("", include_in_schema=False)
async def look(gateway: Here, _: Viewer, session: SessionName, _query: Asked) -> Response:
    """What would be said of the file before it is sent."""
    capture = await gateway.reads.capture(session)
    response = Response(media_type=MEDIA_TYPE, headers=file_headers(capture))
    del response.headers["Content-Length"]  # not known before it is sent
    return response
