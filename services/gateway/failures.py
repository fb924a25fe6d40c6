"""Every error as a problem, whoever raised it."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.problems import Refused, problem
from services.gateway.validation import invalid_request, unreadable_body
from services.runtime.bus.requests import NoAnswer
from services.runtime.errors import (
    BusUnavailable,
    StoreUnavailable,
    TasksUnavailable,
    Unavailable,
    Unroutable,
)

RETRY_AFTER = 2.0
"""Seconds after which it is worth asking again."""
_AWAY: tuple[tuple[type[Exception], str], ...] = (
    (NoAnswer, "no-answer"),
    (BusUnavailable, "bus-unavailable"),
    (Unroutable, "bus-unavailable"),
    (TasksUnavailable, "tasks-unavailable"),
    (StoreUnavailable, "store-unavailable"),
    (Unavailable, "unavailable"),
)
_HINT = "; /docs lists every call"
_HTTP_CODES = {404: "not-found", 405: "method-not-allowed", 413: "body-too-large"}


def away(error: Exception, **more: Any) -> Refused:
    """The 503 for a dependency that is away."""
    code = next(code for kind, code in _AWAY if isinstance(error, kind))
    return Refused(code, str(error), retry_after=RETRY_AFTER, **more)


def install(app: FastAPI) -> None:
    """Answer every error of `app` with problem details."""
    handlers: dict[Any, Callable[[Request, Any], Awaitable[Response]]] = {
        Refused: _on_refused,
        Unavailable: _on_away,
        Unroutable: _on_away,
        RequestValidationError: _on_invalid,
        HTTPException: _on_http,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def unexpected() -> Response:
    """The 500: nothing of what went wrong, which is in the log."""
    detail = "the request could not be handled; the gateway's log says why"
    return problem("internal-error", detail)


async def _on_refused(_request: Request, error: Refused) -> Response:
    return error.response()


async def _on_away(_request: Request, error: Exception) -> Response:
    return away(error).response()


async def _on_invalid(_request: Request, error: RequestValidationError) -> Response:
    return invalid_request(error.errors()).response()


async def _on_http(_request: Request, error: HTTPException) -> Response:
    if error.status_code == HTTPStatus.BAD_REQUEST:
        return unreadable_body("could not be read as JSON in UTF-8").response()
    code = _HTTP_CODES.get(error.status_code, "internal-error")
    hint = "" if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE else _HINT
    return problem(code, error.detail + hint, headers=error.headers)
