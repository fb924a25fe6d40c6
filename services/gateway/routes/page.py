"""The page for people: files of this package, and nothing from anywhere else."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.gateway.gateway import Here
from services.gateway.problems import Refused
from services.gateway.site import INDEX, content_policy

router = APIRouter(include_in_schema=False)


@router.get("/")
async def front(gateway: Here, request: Request) -> Response:
    """The page."""
    return _file(gateway, request, INDEX)


@router.get("/page/{path:path}")
async def part(gateway: Here, request: Request, path: str) -> Response:
    """A file of the page."""
    return _file(gateway, request, path)


def _file(gateway: Here, request: Request, path: str) -> Response:
    asset = gateway.site.get(path)
    if asset is None:
        raise Refused("not-found", "the page has no such file")
    address = gateway.settings.stream_address(request.url.hostname or "127.0.0.1")
    headers = {
        "Content-Security-Policy": content_policy(address),
        "ETag": asset.etag,
        "Cache-Control": "no-cache",  # kept, but asked about: a new release shows at once
    }
    if asset.is_known(request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    return Response(asset.body, headers=headers, media_type=asset.media_type)
