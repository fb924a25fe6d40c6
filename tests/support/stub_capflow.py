"""A gateway and a streamer that say what a test tells them to, for tests of clients."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from websockets.asyncio.server import ServerConnection, serve

from services.runtime.http_server import serve_http

KEY = "stub-key"
SESSION = "host-1.lo.20261123215000"
TASK_ID = "0b0e7c54-9d2b-4d0e-8b7e-6f1f1f3d9a01"
LEDGER = {
    "seen": 10, "captured": 9, "dropped_kernel": 1, "beyond_limit": 0,
    "dropped_agent": 1, "stored": 8, "blocks": 2, "bytes": 800,
}  # fmt: skip
COUNTS = {"next": 9, "sent": 8, "filtered": 0, "skipped": 0, "missing": 1}
HEADER = b"\x0a\x0d\x0d\x0a" + b"\x1c\x00\x00\x00" + bytes(16) + b"\x1c\x00\x00\x00"

Script = Callable[[ServerConnection, dict[str, Any]], Awaitable[None]]
"""What the streamer does once it has a viewer's `start` message."""


def capture(state: str = "running", **more: Any) -> dict[str, Any]:
    """A capture as the gateway tells it."""
    fields = {
        "task_id": TASK_ID, "session": SESSION, "resource": "host-1", "service": "lo",
        "state": state, "ledger": LEDGER, "requested_by": "admin",
        "requested_at": "2026-11-23T21:50:00Z", "idle_seconds": 60,
        "endpoint": {"name": "main", "type": "sqlite"},
    }  # fmt: skip
    return fields | more


def packet(number: int, info: str = "80 → 1234 [SYN]") -> dict[str, Any]:
    """A packet's summary."""
    return {
        "number": number, "time": "1795470600.123456789", "length": 60, "source": "10.0.0.1:80",
        "destination": "10.0.0.2:1234", "protocol": "TCP", "info": info,
    }  # fmt: skip


def block(number: int) -> bytes:
    """An Enhanced Packet Block with four bytes of packet."""
    size = (36).to_bytes(4, "little")
    return (6).to_bytes(4, "little") + size + bytes(20) + number.to_bytes(4, "little") + size


class StubCapflow:
    """Answers as told; keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], tuple[int, Any]] = {
            ("GET", f"/v1/captures/{SESSION}"): (200, capture("stopped", stop_reason="requested")),
            ("GET", "/v1/captures"): (200, {"items": [capture()], "next_cursor": "more"}),
            ("GET", f"/v1/tasks/{TASK_ID}"): (200, capture()),
            ("POST", f"/v1/captures/{SESSION}/stop"): (202, {}),
        }
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.queries: list[dict[str, str]] = []
        """The query of each call."""
        self.scripts: list[Script] = []
        """One for each connection of a viewer, in turn; the last for all after it."""
        self.starts: list[dict[str, Any]] = []
        """Every `start` message of viewers."""
        self.url = ""
        self.stream_url = ""

    def refuse(self, method: str, path: str, status: int, code: str, **more: Any) -> None:
        """Answer a call with a problem."""
        problem = {"type": f"/problems/{code}", "title": code, "status": status, "code": code}
        self.answers[method, path] = (status, problem | {"detail": f"because {code}"} | more)

    async def answer(self, request: Request) -> Response:
        """Answer one REST call."""
        body = await request.body()
        self.queries.append(dict(request.query_params))
        self.asked.append((request.method, request.url.path, json.loads(body or b"{}")))
        if request.headers.get("authorization") != f"Bearer {KEY}":
            self.refuse("", "", 401, "not-authenticated")
            status, content = self.answers["", ""]
        elif (request.method, request.url.path) in self.answers:
            status, content = self.answers[request.method, request.url.path]
        else:
            status, content = self._default(request.url.path)
        if isinstance(content, str):
            return Response(content, status)
        return JSONResponse(content, status)

    async def watch(self, socket: ServerConnection) -> None:
        """Serve one viewer by the script that is due."""
        hello = json.loads(await socket.recv())
        assert hello["type"] == "session"
        await say(socket, type="session", capture=capture())
        start = json.loads(await socket.recv())
        self.starts.append(start)
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        await script(socket, start)

    def _default(self, path: str) -> tuple[int, Any]:
        ticket = {"url": self.stream_url, "ticket": "t", "expires_at": "2026-11-23T21:55:00Z"}
        if path.endswith("/ticket"):
            return 200, ticket
        if path == "/v1/captures":
            limits = {"seconds": 600, "bytes": 1 << 30}
            return 202, {"task_id": TASK_ID, "session": SESSION, "limits": limits, "stream": ticket}
        return 404, "nothing here"


async def say(socket: ServerConnection, **message: Any) -> None:
    """Send one message to a viewer."""
    await socket.send(json.dumps(message))


async def say_packets(socket: ServerConnection, first: int, count: int) -> None:
    """Send a batch of summaries."""
    packets = [packet(number) for number in range(first, first + count)]
    more = {"first": first, "next": first + count, "packets": packets}
    await say(socket, type="packets", session=SESSION, **more)


async def say_end(socket: ServerConnection) -> None:
    """Send the end, and close."""
    more = {"state": "stopped", "stop_reason": "requested", "ledger": LEDGER, **COUNTS}
    await say(socket, type="end", **more)
    await socket.close()


@asynccontextmanager
async def stub_capflow() -> AsyncIterator[StubCapflow]:
    """A stub that listens."""
    stub = StubCapflow()
    route = Route("/{path:path}", stub.answer, methods=["GET", "POST", "DELETE"])
    app = Starlette(routes=[route])
    async with (
        serve_http(app, "127.0.0.1", 0) as port,
        serve(stub.watch, "127.0.0.1", 0) as server,
    ):
        stub.url = f"http://127.0.0.1:{port}"
        streamer = next(iter(server.sockets)).getsockname()[1]
        stub.stream_url = f"ws://127.0.0.1:{streamer}/v1/stream"
        yield stub
