"""What operators and monitors ask; open, so no key is needed."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from services.gateway import pages
from services.gateway.gateway import Here
from services.gateway.openapi import Responses, answer, stream

router = APIRouter(tags=["operation"])

_NOT_READY: Responses = {503: {"description": "Something it depends on is away", "content": {}}}


@router.get(
    "/healthz",
    summary="Alive?",
    response_class=Response,
    responses=answer(200, "Alive", {"service": "gateway", "alive": True}),
)
@router.get(
    "/readyz",
    summary="Ready?",
    response_class=Response,
    responses=answer(
        200,
        "Ready",
        {"service": "gateway", "ready": True, "checks": {"bus": "ok", "tasks": "ok"}},
    )
    | _NOT_READY,
)
@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses=stream("Prometheus text format", "text/plain"),
)
async def ops(gateway: Here, request: Request) -> Response:
    """The gateway's own state."""
    answer = await gateway.health.respond(request.url.path)
    assert answer is not None
    return Response(answer.body, answer.status, media_type=answer.content_type)


@router.get("/openapi.json", include_in_schema=False)
async def openapi(request: Request) -> Response:
    """The API's description."""
    return JSONResponse(request.app.openapi())


@router.get("/docs", include_in_schema=False)
async def docs(request: Request) -> Response:
    """Every call, for people."""
    return _page(pages.docs(request.app.openapi()))


@router.get("/problems/{code}", include_in_schema=False)
async def problem_page(code: str) -> Response:
    """What a problem's `type` leads to."""
    return _page(pages.problem(code))


def _page(html: str) -> Response:
    return HTMLResponse(html, headers={"Content-Security-Policy": pages.POLICY})
