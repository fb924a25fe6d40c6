"""The most a request's body may hold; what is above is not read."""

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.gateway.problems import Refused

MOST_BYTES = 64 << 10

_DETAIL = f"a body may hold {MOST_BYTES} bytes at most"


class BodyLimitMiddleware:
    """Refuses a body that is too large: by what it says of itself, else while it is read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif _announced(scope) > MOST_BYTES:
            await _refusal().response()(scope, receive, send)
        else:
            await self._app(scope, _counted(receive), send)


def _announced(scope: Scope) -> int:
    text = Headers(scope=scope).get("content-length", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else MOST_BYTES + 1


def _counted(receive: Receive) -> Receive:
    taken = 0

    async def counting() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > MOST_BYTES:
            # An HTTPException, since FastAPI passes on no other from where it reads the body.
            raise HTTPException(413, _DETAIL)
        return message

    return counting


def _refusal() -> Refused:
    return Refused("body-too-large", _DETAIL)
