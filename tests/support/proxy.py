"""A TCP proxy that cuts connections, or leaves them open and carries nothing any more."""

import asyncio
from contextlib import suppress
from typing import Self


class TcpProxy:
    """Forwards to a port of the loopback interface."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._carries: set[asyncio.Event] = set()

    @property
    def port(self) -> int:
        """Where clients connect."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def stall(self) -> None:
        """Connections that are open now stay open and carry nothing; new ones are forwarded."""
        for carries in self._carries:
            carries.clear()

    def cut(self) -> None:
        """Close the connections that are open now."""
        for writer in self._writers:
            writer.transport.abort()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._forward, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for carries in self._carries:
            carries.set()
        self.cut()
        while self._writers:
            await asyncio.sleep(0.01)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        carries = asyncio.Event()
        carries.set()
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        both = {writer, far_writer}
        self._writers |= both
        self._carries.add(carries)
        try:
            await asyncio.gather(
                _carry(reader, far_writer, carries), _carry(far_reader, writer, carries)
            )
        finally:
            self._writers -= both
            self._carries.discard(carries)


async def _carry(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, carries: asyncio.Event
) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            await carries.wait()
            writer.write(data)
            await writer.drain()
    writer.close()
