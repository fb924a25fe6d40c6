"""One log line and one count for each request, and an answer to what nobody foresaw."""

import time
from collections.abc import Iterable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.failures import unexpected
from services.gateway.metrics import Metrics
from services.runtime import logs

_LONGEST_PATH = 200
_QUIET = ("/healthz", "/readyz", "/metrics")


class AccessMiddleware:
    """Logs method, path, status, time and caller; never a header, a query or a body.

    Reads that succeed are logged at `debug`: a client that polls must not hide what was done.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        self._log = logs.get("gateway")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _made_safe(message["headers"])
            await send(message)

        began = time.monotonic()
        try:
            await self._app(scope, receive, noting)
        except Exception as error:
            self._log.error("a request failed", path=scope["path"][:_LONGEST_PATH], exc_info=error)
            if status:
                raise  # the answer has begun: only the connection's end can say that it broke
            await unexpected()(scope, receive, noting)
        finally:
            self._note(scope, status, time.monotonic() - began)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = _route(scope)
        self._metrics.requests.labels(_method(scope), route, status).inc()
        self._metrics.request_seconds.labels(route).observe(seconds)
        if scope["path"] in _QUIET:
            return
        read = scope["method"] in ("GET", "HEAD") and status < 400
        note = self._log.debug if read else self._log.info
        note(
            "request",
            method=scope["method"],
            path=scope["path"][:_LONGEST_PATH],
            status=status,
            ms=round(seconds * 1000, 1),
            caller=_caller(scope),
        )


_SAFETY = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]


def _made_safe(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers of an answer, with what is safe for each that it does not set itself."""
    own = list(headers)
    names = {name.lower() for name, _ in own}
    return [*own, *(header for header in _SAFETY if header[0] not in names)]


def _route(scope: Scope) -> str:
    """The route's template, so that the metric has few label values."""
    return str(getattr(scope.get("route"), "path", "none"))


def _method(scope: Scope) -> str:
    known = ("GET", "POST", "DELETE", "HEAD", "OPTIONS", "PUT", "PATCH")
    return scope["method"] if scope["method"] in known else "other"


def _caller(scope: Scope) -> Any:
    caller = scope.get("state", {}).get("caller")
    return caller.name if caller else None
