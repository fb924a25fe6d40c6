"""The proxy does to connections what fault tests say it does."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import pytest

from tests.support.proxy import TcpProxy
from tests.support.wait import until

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Client = Callable[[], Awaitable[Streams]]


@pytest.fixture
async def server() -> AsyncIterator[tuple[int, list[bytes]]]:
    """An echo server's port, and what it has heard; an empty entry is an end."""
    heard: list[bytes] = []

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1 << 16):
                heard.append(data)
                writer.write(data)
        except ConnectionError:
            pass
        heard.append(b"")
        writer.close()

    running = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with running:
        yield running.sockets[0].getsockname()[1], heard


@pytest.fixture
async def proxy(server: tuple[int, list[bytes]]) -> AsyncIterator[TcpProxy]:
    async with TcpProxy(server[0]) as running:
        yield running


@pytest.fixture
async def client(proxy: TcpProxy) -> AsyncIterator[Client]:
    """Makes connections through the proxy that work."""
    made: list[asyncio.StreamWriter] = []

    async def connect() -> Streams:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        made.append(writer)
        assert await _echoed(reader, writer, b"hello") == b"hello"
        return reader, writer

    yield connect
    for writer in made:
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()


async def _echoed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, data: bytes) -> bytes:
    writer.write(data)
    return await asyncio.wait_for(reader.readexactly(len(data)), 5)


async def _silent(reader: asyncio.StreamReader) -> bool:
    try:
        return not await asyncio.wait_for(reader.read(1), 0.1)
    except TimeoutError:
        return True


async def test_a_cut_is_heard_at_both_ends(
    proxy: TcpProxy, server: tuple[int, list[bytes]], client: Client
) -> None:
    reader, _ = await client()
    proxy.cut()
    assert await asyncio.wait_for(reader.read(1), 5) == b""
    await client()
    await until(lambda: b"" in server[1])


async def test_a_stalled_connection_carries_nothing_and_a_new_one_does(
    proxy: TcpProxy, client: Client
) -> None:
    reader, writer = await client()
    proxy.stall()
    writer.write(b"lost")
    assert await _silent(reader)
    assert not reader.at_eof()
    await client()


@pytest.mark.parametrize("direction", ["requests", "answers"])
async def test_one_direction_is_swallowed_and_then_all_is_cut(
    proxy: TcpProxy, server: tuple[int, list[bytes]], client: Client, direction: str
) -> None:
    reader, writer = await client()
    with proxy.drop("requests" if direction == "requests" else "answers"):
        writer.write(b"swallowed")
        await until(lambda: proxy.swallowed == len(b"swallowed"))
        assert (b"swallowed" in server[1]) == (direction == "answers")
        assert await _silent(reader)
    assert await asyncio.wait_for(reader.read(1), 5) == b""
    await client()
