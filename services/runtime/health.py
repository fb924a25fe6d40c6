"""Health: alive, ready with each dependency's state, and metrics."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Check = Callable[[], Awaitable[None]]
"""Returns when the dependency answers, raises when it does not."""

PATHS = ("/healthz", "/readyz", "/metrics")
_CHECK_TIMEOUT = 5.0
"""Seconds: longer than any client of ours takes to say why its server refuses it."""


@dataclass(frozen=True, slots=True)
class OpsResponse:
    """What to answer an operator's or a monitor's request with."""

    status: int
    content_type: str
    body: bytes


class Health:
    """The state of one service and of what it depends on."""

    def __init__(
        self, service: str, checks: Mapping[str, Check], registry: CollectorRegistry
    ) -> None:
        self._service = service
        self._checks = checks
        self._registry = registry

    async def respond(self, path: str) -> OpsResponse | None:
        """The answer to GET `path`; None where it is not one of PATHS."""
        match path:
            case "/healthz":
                return _json(200, {"service": self._service, "alive": True})
            case "/readyz":
                return await self._readiness()
            case "/metrics":
                return OpsResponse(200, CONTENT_TYPE_LATEST, generate_latest(self._registry))
        return None

    async def _readiness(self) -> OpsResponse:
        states = await asyncio.gather(*map(_state, self._checks.values()))
        checks = dict(zip(self._checks, states, strict=True))
        ready = all(state == "ok" for state in states)
        body = {"service": self._service, "ready": ready, "checks": checks}
        return _json(200 if ready else 503, body)


def ops_routes(health: Health) -> list[Route]:
    """The routes of PATHS for a Starlette application."""

    async def answer(request: Request) -> Response:
        response = await health.respond(request.url.path)
        assert response is not None
        return Response(response.body, response.status, media_type=response.content_type)

    return [Route(path, answer, methods=["GET"]) for path in PATHS]


async def _state(check: Check) -> str:
    try:
        async with asyncio.timeout(_CHECK_TIMEOUT):
            await check()
    except TimeoutError:
        return f"no answer within {_CHECK_TIMEOUT:g} s"
    except Exception as error:  # whatever it is, it is what the operator must see
        return str(error) or type(error).__name__
    return "ok"


def _json(status: int, body: object) -> OpsResponse:
    return OpsResponse(status, "application/json", json.dumps(body).encode())
