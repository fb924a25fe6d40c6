"""A viewer over real connections, against a streamer that goes away."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from contracts.stream import End, Packets
from services.client.api import Gateway
from services.client.conversation import Blocks, Event, Header, Lost, Wish
from services.client.errors import ApiError, StreamerAway, ViewerRefused
from services.client.stream import Viewer
from tests.support.stub_capflow import (
    HEADER,
    KEY,
    SESSION,
    StubCapflow,
    block,
    say,
    say_end,
    say_packets,
    stub_capflow,
)


@pytest.fixture
async def stub() -> AsyncIterator[StubCapflow]:
    async with stub_capflow() as running:
        yield running


@pytest.fixture
async def gateway(stub: StubCapflow) -> AsyncIterator[Gateway]:
    async with Gateway(stub.url, KEY) as client:
        yield client


async def seen(gateway: Gateway, patience: float = 60, **wish: Any) -> list[Event]:
    viewer = Viewer(gateway, SESSION, Wish(**wish), patience)
    return [event async for event in viewer.events()]


async def ten_and_cut(socket: ServerConnection, start: dict[str, Any]) -> None:
    first = start["from"] if isinstance(start["from"], int) else 0
    await say(socket, type="started", session=SESSION, first=first)
    await say_packets(socket, first, 10)
    socket.transport.abort()


async def ten_and_end(socket: ServerConnection, start: dict[str, Any]) -> None:
    await say_packets(socket, start["from"], 10)
    await say_end(socket)


async def test_a_viewer_comes_back_with_the_next_number(
    stub: StubCapflow, gateway: Gateway
) -> None:
    stub.scripts = [ten_and_cut, ten_and_cut, ten_and_end]
    events = await seen(gateway, start="beginning")
    batches = [event.packets or [] for event in events if isinstance(event, Packets)]
    numbers = [packet.number for batch in batches for packet in batch]
    assert numbers == list(range(30)), "each packet once, in order"
    assert [start["from"] for start in stub.starts] == ["beginning", 10, 20]
    assert [event.next for event in events if isinstance(event, Lost)] == [10, 20]
    assert isinstance(events[-1], End)


async def test_each_connection_takes_a_fresh_ticket(stub: StubCapflow, gateway: Gateway) -> None:
    stub.scripts = [ten_and_cut, ten_and_end]
    await seen(gateway, start=0)
    tickets = [path for _, path, _ in stub.asked if path.endswith("/ticket")]
    assert len(tickets) == 2


async def test_a_file_has_one_header_however_often_the_connection_is_lost(
    stub: StubCapflow, gateway: Gateway
) -> None:
    async def blocks(socket: ServerConnection, start: dict[str, Any]) -> None:
        await socket.send(HEADER)
        fields = {"session": SESSION, "first": start["from"], "next": start["from"] + 1}
        await say(socket, type="packets", **fields)
        await socket.send(block(start["from"]))

    async def blocks_and_cut(socket: ServerConnection, start: dict[str, Any]) -> None:
        await blocks(socket, start)
        await say(socket, type="packets", session=SESSION, first=99, next=100)
        socket.transport.abort()

    async def blocks_and_end(socket: ServerConnection, start: dict[str, Any]) -> None:
        await blocks(socket, start)
        await say_end(socket)

    stub.scripts = [blocks_and_cut, blocks_and_end]
    events = await seen(gateway, start=0, format="pcapng")
    data = b"".join(event.data for event in events if isinstance(event, Header | Blocks))
    assert data == HEADER + block(0) + block(1)


async def test_a_refused_ticket_is_an_error_and_not_tried_for_ever(
    stub: StubCapflow, gateway: Gateway
) -> None:
    async def refuse(socket: ServerConnection, _start: dict[str, Any]) -> None:
        await socket.close(4403, "not yours")

    stub.scripts = [refuse]
    with pytest.raises(ViewerRefused, match="not yours"):
        await seen(gateway)


async def test_a_capture_that_was_removed_meanwhile_is_an_error(
    stub: StubCapflow, gateway: Gateway
) -> None:
    async def cut_and_remove(socket: ServerConnection, start: dict[str, Any]) -> None:
        stub.refuse("POST", f"/v1/captures/{SESSION}/ticket", 404, "unknown-capture")
        await ten_and_cut(socket, start)

    stub.scripts = [cut_and_remove]
    with pytest.raises(ApiError) as refused:
        await seen(gateway)
    assert refused.value.code == "unknown-capture"


async def test_a_streamer_that_never_answered_is_told_at_once(
    stub: StubCapflow, gateway: Gateway
) -> None:
    stub.stream_url = "ws://127.0.0.1:9/v1/stream"
    with pytest.raises(StreamerAway, match=r"127\.0\.0\.1:9"):
        await seen(gateway)


async def test_patience_with_a_lost_streamer_ends(stub: StubCapflow, gateway: Gateway) -> None:
    async def cut_and_move_away(socket: ServerConnection, start: dict[str, Any]) -> None:
        await ten_and_cut(socket, start)
        stub.stream_url = "ws://127.0.0.1:9/v1/stream"

    stub.scripts = [cut_and_move_away]
    with pytest.raises(StreamerAway):
        await seen(gateway, patience=0.2)
