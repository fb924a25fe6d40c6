"""An HTTP client of a few lines, so that what is measured is the server."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

from tests.support.stack import ADMIN_KEY


class Http:
    """Calls to one address; each has a connection of its own."""

    def __init__(self, base: str) -> None:
        parts = urlsplit(base)
        self._host, self._port = parts.hostname, parts.port

    async def call(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Call; status and body."""
        answer = bytearray()
        async for data in self.stream(path, method, body):
            answer += data
        head, _, text = bytes(answer).partition(b"\r\n\r\n")
        return int(head.split(b" ")[1]), json.loads(text) if text else None

    async def stream(
        self, path: str, method: str = "GET", body: object = None
    ) -> AsyncIterator[bytes]:
        """What is answered, as it comes, from its status line on."""
        reader, writer = await asyncio.open_connection(self._host, self._port, limit=1 << 20)
        try:
            writer.write(_request(method, path, body))
            while data := await reader.read(1 << 20):
                yield data
        finally:
            writer.close()


def _request(method: str, path: str, body: object) -> bytes:
    text = b"" if body is None else json.dumps(body).encode()
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {ADMIN_KEY}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + text
