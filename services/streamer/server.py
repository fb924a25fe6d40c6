"""The WebSocket server, and the operators' pages on the same port."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from http import HTTPStatus
from socket import socket
from typing import Any, cast
from urllib.parse import urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response
from websockets.typing import Origin

from contracts.stream import STREAM_PATH
from services.runtime.health import Health
from services.streamer.line import Line
from services.streamer.viewer import House, Viewer

MAX_MESSAGE = 64 << 10
"""Bytes of a client's message."""
_QUEUE = 4
"""Messages of a client that wait to be read."""
_WRITE_LIMIT = 64 << 10
"""Bytes that may wait in a connection's buffer before it counts as slow."""
_HANDSHAKE_SECONDS = 10.0
_DRAIN_SECONDS = 3.0


class Doors:
    """Lets connections in, and all out when the streamer stops."""

    def __init__(self, house: House, health: Health, origins: Sequence[str]) -> None:
        self._house = house
        self._health = health
        self._origins: list[Origin | None] = [*map(Origin, origins), None]
        self._viewers: set[Viewer] = set()

    @asynccontextmanager
    async def open(self, listener: socket) -> AsyncIterator[None]:
        """Serve. On leaving, every viewer is told where it may go on."""
        server = serve(
            self._serve,
            sock=listener,
            origins=self._origins,
            compression=None,
            process_request=self._answer,
            server_header=None,
            open_timeout=_HANDSHAKE_SECONDS,
            ping_interval=None,  # the warden pings
            close_timeout=_DRAIN_SECONDS,
            max_size=MAX_MESSAGE,
            max_queue=_QUEUE,
            write_limit=_WRITE_LIMIT,
            create_connection=cast(Any, partial(Line, self._house.warden)),
            backlog=2048,
        )
        await server
        try:
            yield
        finally:
            await self._drain(server)

    async def _serve(self, connection: ServerConnection) -> None:
        assert isinstance(connection, Line)
        viewer = Viewer(connection, self._house)
        self._viewers.add(viewer)
        try:
            await viewer.talk()
        finally:
            self._viewers.discard(viewer)

    async def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """None lets the handshake go on."""
        path = urlsplit(request.path).path
        if path == STREAM_PATH:
            return None
        page = await self._health.respond(path)
        if page is None:
            return connection.respond(HTTPStatus.NOT_FOUND, f"only {STREAM_PATH} is here\n")
        headers = Headers(
            {
                "Content-Type": page.content_type,
                "Content-Length": str(len(page.body)),
                "Connection": "close",
            }
        )
        return Response(page.status, HTTPStatus(page.status).phrase, headers, page.body)

    async def _drain(self, server: Server) -> None:
        for viewer in list(self._viewers):
            viewer.farewell()
        server.close()
        try:
            async with asyncio.timeout(_DRAIN_SECONDS):
                await server.wait_closed()
        except TimeoutError:  # who does not even take the close is cut
            for line in list(self._house.warden.lines):
                line.cut()
            await server.wait_closed()
