"""A TCP proxy with faults: it cuts, stalls, or swallows one direction.

What a signal to a server cannot do to one of its clients alone.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal, Self

Direction = Literal["requests", "answers"]
"""From client to server, or back."""
_PIECE = 1 << 16


class TcpProxy:
    """Forwards to a port of the loopback interface; by default it listens there, too, on `port`
    or (0) on any that is free."""

    def __init__(self, target: int, host: str = "127.0.0.1", port: int = 0) -> None:
        self.swallowed = 0
        """Bytes that were taken and not handed on."""
        self.bytes = {"requests": 0, "answers": 0}
        """Bytes handed on."""
        self._target = target
        self._host = host
        self._port = port
        self._server: asyncio.Server | None = None
        self._links: set[_Link] = set()
        self._swallows: set[Direction] = set()

    @property
    def port(self) -> int:
        """Where clients connect."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def stall(self) -> None:
        """Connections that are open now stay open and carry nothing; new ones are forwarded."""
        for link in self._links:
            link.carries.clear()

    def cut(self) -> None:
        """Close the connections that are open now."""
        for link in self._links:
            link.cut()

    @contextmanager
    def drop(self, direction: Direction) -> Iterator[None]:
        """Meanwhile swallow one direction, of all connections; afterwards cut those."""
        self._swallows.add(direction)
        try:
            yield
        finally:
            self.cut()
            self._swallows.discard(direction)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._forward, self._host, self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for link in self._links:
            link.carries.set()
        self.cut()
        while self._links:
            await asyncio.sleep(0.01)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        link = _Link(writer, far_writer)
        self._links.add(link)
        try:
            await asyncio.gather(
                self._carry(link, reader, far_writer, "requests"),
                self._carry(link, far_reader, writer, "answers"),
            )
        finally:
            self._links.discard(link)

    async def _carry(
        self,
        link: "_Link",
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        direction: Direction,
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(_PIECE):
                await link.carries.wait()
                await self._hand_on(data, writer, direction)
        if link.carries.is_set():
            writer.close()

    async def _hand_on(
        self, data: bytes, writer: asyncio.StreamWriter, direction: Direction
    ) -> None:
        if direction in self._swallows:
            self.swallowed += len(data)
            return
        self.bytes[direction] += len(data)
        writer.write(data)
        await writer.drain()


class _Link:
    """One connection of a client, and ours to the server on its behalf."""

    def __init__(self, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self.near = near
        self.far = far
        self.carries = asyncio.Event()
        self.carries.set()

    def cut(self) -> None:
        """Close both."""
        for writer in (self.near, self.far):
            writer.transport.abort()
