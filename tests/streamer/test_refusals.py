"""Whom the streamer refuses, how it says so, and what it outlives."""

import asyncio
import hmac
import json
import os
import struct
from base64 import urlsafe_b64encode
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from contracts.task import Capture
from services.runtime.tickets import AUDIENCE, Tickets
from tests.streamer.stage import SECRET, Stage, Streamer
from tests.streamer.test_slow_viewers import metric
from tests.support.wait import until

HANDSHAKE = (
    b"GET /v1/stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def masked(opcode: int, payload: bytes, final: bool = True) -> bytes:
    """A client's frame, masked with zeros."""
    head = bytes([(0x80 if final else 0) | opcode])
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack("!H", size)
    return head + length + bytes(4) + payload


async def raw(streamer: Streamer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A WebSocket connection without a library."""
    reader, writer = await asyncio.open_connection("127.0.0.1", streamer.port)
    writer.write(HANDSHAKE)
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


async def close_code(reader: asyncio.StreamReader) -> int:
    """The code of the close frame among what the server sends, which must end."""
    async with asyncio.timeout(30):
        sent = await reader.read(-1)
    while sent:
        opcode, size = sent[0] & 0xF, sent[1]
        head = 2
        if size == 126:
            size, head = struct.unpack_from("!H", sent, 2)[0], 4
        if opcode == 8:
            return int(struct.unpack_from("!H", sent, head)[0])
        sent = sent[head + size :]
    raise AssertionError("closed without a close frame")


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "https://127.0.0.1:8080"]
)
async def test_a_page_of_a_foreign_origin_is_refused_at_the_handshake(
    embedded: Stage, origin: str
) -> None:
    streamer = await embedded.streamer(gateway_port=8080)
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"ws://127.0.0.1:{streamer.port}/v1/stream", origin=origin)  # type: ignore[arg-type]
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8080", "https://capflow.example", None])
async def test_pages_of_the_gateway_and_those_named_are_let_in(
    embedded: Stage, origin: Any
) -> None:
    streamer = await embedded.streamer(gateway_port=8080, origins="https://capflow.example")
    async with connect(f"ws://127.0.0.1:{streamer.port}/v1/stream", origin=origin):
        pass


async def test_there_is_one_path_and_the_operators_pages(stage: Stage) -> None:
    streamer = await stage.streamer()
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"ws://127.0.0.1:{streamer.port}/other")
    assert refused.value.response.status_code == 404
    assert json.loads(await asyncio.to_thread(streamer.page, "/healthz"))["alive"] is True
    ready = json.loads(await asyncio.to_thread(streamer.page, "/readyz"))
    assert ready["checks"] == {"tasks": "ok", "endpoint main": "ok"}
    assert "capflow_streamer_viewers 0.0" in await asyncio.to_thread(streamer.page, "/metrics")
    assert (await asyncio.to_thread(streamer.page, "/v1/stream")).startswith("426")


@pytest.mark.parametrize("ticket", ["", "x", "é", "forged", "eyJhbGciOiJub25lIn0.e30."])
async def test_a_ticket_that_is_none_of_ours_is_refused(embedded: Stage, ticket: str) -> None:
    play = await embedded.play()
    if ticket == "forged":
        another = Tickets("another secret that is long enough!")
        ticket = another.sign(play.session, "somebody", timedelta(minutes=1))[0]
    streamer = await embedded.streamer()
    async with streamer.viewer(play) as viewer:
        await viewer.send(type="session", session=play.session, ticket=ticket)
        assert await viewer.closed() == 4401
    assert viewer.of("error")[0]["code"] == "not-authenticated"
    await until(lambda: metric(streamer, 'refused_total{code="not-authenticated"}', 1))


async def test_a_ticket_out_of_date_or_of_another_session_is_refused(embedded: Stage) -> None:
    play, other = await embedded.play(), await embedded.play()
    streamer = await embedded.streamer()
    for ticket in (embedded.ticket(play.session, seconds=-1), embedded.ticket(other.session)):
        async with streamer.viewer(play, ticket=ticket) as viewer:
            await viewer.send(type="session", session=play.session, ticket=ticket)
            assert await viewer.closed() == 4401


@pytest.mark.parametrize(
    ("algorithm", "changes", "headers"),
    [
        ("none", {}, {}),
        ("none", {}, {"kid": "../../x"}),
        ("HS384", {}, {}),
        ("HS256", {"aud": "another"}, {}),
        ("HS256", {"aud": None}, {}),
        ("HS256", {"exp": None}, {}),
        ("HS256", {"exp": "never"}, {}),
        ("HS256", {"session": {"$gt": ""}}, {}),
        ("HS256", {"sub": None}, {"kid": "../../x"}),
    ],
    ids=str,
)
async def test_a_ticket_that_says_something_else_is_refused_even_with_our_signature(
    embedded: Stage, algorithm: str, changes: dict[str, Any], headers: dict[str, Any]
) -> None:
    play = await embedded.play()
    claims = {"aud": AUDIENCE, "sub": "ann", "session": play.session, "exp": 2**32} | changes
    said = {name: value for name, value in claims.items() if value is not None}
    ticket = _signed(algorithm, said, headers)
    async with (await embedded.streamer()).viewer(play, ticket=ticket) as viewer:
        await viewer.send(type="session", session=play.session, ticket=ticket)
        assert await viewer.closed() == 4401
    assert viewer.of("error")[0]["code"] == "not-authenticated"


def _signed(algorithm: str, claims: dict[str, Any], headers: dict[str, Any]) -> str:
    """A JSON web token with our key, made without the library that reads it."""
    head = {"alg": algorithm, "typ": "JWT"} | headers
    parts = [urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (head, claims)]
    key, digest = sha256(SECRET.encode()).digest(), algorithm.replace("HS", "sha")
    signature = b"" if algorithm == "none" else hmac.digest(key, b".".join(parts), digest)
    return b".".join([*parts, urlsafe_b64encode(signature).rstrip(b"=")]).decode()


async def test_a_ticket_signed_like_these_with_the_right_words_is_taken(embedded: Stage) -> None:
    play = await embedded.play()
    claims = {"aud": AUDIENCE, "sub": "ann", "session": play.session, "exp": 2**32}
    ticket = _signed("HS256", claims, {"kid": "../../x"})
    async with (await embedded.streamer()).viewer(play, ticket=ticket) as viewer:
        await viewer.enter()


async def test_a_session_that_is_not_stored_is_refused(stage: Stage) -> None:
    play = await stage.play()
    play.capture = Capture.model_validate(
        {**play.capture.model_dump(), "session": "web-1.http.20200101000000"}
    )
    async with (await stage.streamer()).viewer(play) as viewer:
        await viewer.send(type="session", session=play.session, ticket=viewer.ticket)
        assert await viewer.closed() == 4404
    assert viewer.of("error")[0]["code"] == "unknown-capture"


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("{", "JSON"),
        ("[]", "object"),
        ('{"type": "subscribe"}', "'session', 'start', 'stop'"),
        ('{"type": "session", "session": "a.b.20200101000000"}', "ticket"),
        ('{"type": "session", "session": "../etc", "ticket": ""}', "session"),
        ('{"type": "session", "session": {"$gt": ""}, "ticket": ""}', "session"),
        ('{"type": "start"}', "`session`"),
        ('{"type": "stop"}', "`session`"),
        ("[" * 10_000, "recursion"),
        ("\x00", "JSON"),
    ],
)
async def test_a_bad_message_is_named_and_closes(embedded: Stage, said: str, named: str) -> None:
    play = await embedded.play()
    async with (await embedded.streamer()).viewer(play) as viewer:
        await viewer.socket.send(said)
        assert await viewer.closed() == 4400
    assert named in viewer.of("error")[0]["detail"]


@pytest.mark.parametrize(
    "wish",
    [
        {"from": "end"},
        {"from": True},
        {"from": 1.5},
        {"format": "xml"},
        {"raw": "yes"},
        {"filter": "x" * 1025},
        {"filter": "a\0b"},
        {"colour": "red"},
    ],
    ids=str,
)
async def test_a_wish_that_cannot_be_is_named_and_closes(
    embedded: Stage, wish: dict[str, Any]
) -> None:
    play = await embedded.play()
    async with (await embedded.streamer()).viewer(play) as viewer:
        await viewer.enter()
        await viewer.send(type="start", **wish)
        assert await viewer.closed() == 4400
    assert next(iter(wish)) in viewer.of("error")[0]["detail"]


@pytest.mark.parametrize("expression", ["udp port", "a) or (b", "host example.com"])
async def test_a_filter_that_cannot_be_is_refused_in_libpcaps_words(
    embedded: Stage, expression: str
) -> None:
    play = await embedded.play()
    async with (await embedded.streamer()).viewer(play) as viewer:
        await viewer.enter()
        await viewer.send(type="start", filter=expression)
        error = await viewer.until("error")
        assert error["code"] == "invalid-filter"
        assert error["detail"]
        assert await viewer.start(filter="udp") == 0


async def test_saying_things_twice_is_answered(embedded: Stage) -> None:
    play = await embedded.play()
    async with (await embedded.streamer()).viewer(play) as viewer:
        await viewer.watch()
        await viewer.send(type="start")
        assert (await viewer.until("error"))["code"] == "already-started"
        for _ in range(2):
            await viewer.send(type="stop")
            assert (await viewer.until("stopped"))["next"] == 0
        await viewer.send(type="session", session=play.session, ticket=viewer.ticket)
        assert await viewer.closed() == 4400


async def test_binary_where_text_belongs_is_refused(embedded: Stage) -> None:
    play = await embedded.play()
    async with (await embedded.streamer()).viewer(play) as viewer:
        await viewer.socket.send(b"{}")
        assert await viewer.closed() == 4400


async def test_a_message_too_large_is_refused(embedded: Stage) -> None:
    play = await embedded.play()
    async with (await embedded.streamer()).viewer(play) as viewer:
        await viewer.socket.send("x" * (2 << 20))
        assert await viewer.closed() == 1009


async def test_endless_fragments_are_refused(embedded: Stage) -> None:
    reader, writer = await raw(await embedded.streamer())
    writer.write(masked(1, b"", final=False))
    code = asyncio.create_task(close_code(reader))
    try:
        while not code.done():
            writer.write(masked(0, b"", final=False) * 1000)
            await asyncio.wait_for(writer.drain(), 5)
            await asyncio.sleep(0.01)
    except (OSError, TimeoutError):
        pass
    assert await code == 1009
    writer.transport.abort()


async def test_a_flood_of_pings_is_refused(embedded: Stage) -> None:
    streamer = await embedded.streamer()
    reader, writer = await raw(streamer)
    writer.write(masked(9, b"x" * 100) * 5000)
    assert await close_code(reader) == 1002
    writer.transport.abort()


async def test_text_that_is_no_utf_8_is_refused(embedded: Stage) -> None:
    reader, writer = await raw(await embedded.streamer())
    writer.write(masked(1, b"\xff\xfe"))
    assert await close_code(reader) == 1007
    writer.transport.abort()


async def test_random_bytes_end_the_connection_and_nothing_else(embedded: Stage) -> None:
    play = await embedded.play()
    streamer = await embedded.streamer()
    async with streamer.viewer(play) as viewer:
        await viewer.watch()
        for _ in range(20):
            _, writer = await raw(streamer)
            writer.write(os.urandom(1000))
            writer.transport.close()
        await play.packets(10)
        await viewer.till(lambda: len(viewer.numbers) == 10)


async def test_who_says_nothing_is_closed_with_4408(embedded: Stage) -> None:
    play = await embedded.play()
    streamer = await embedded.streamer(hello_seconds=0.5)
    async with streamer.viewer(play) as viewer, streamer.viewer(play) as speaker:
        await speaker.enter()
        assert await viewer.closed() == 4408
        await speaker.start()


async def test_connections_that_say_nothing_do_not_keep_others_out(embedded: Stage) -> None:
    play = await embedded.play()
    streamer = await embedded.streamer(hello_seconds=4, silent_connections=50)
    silent = [await asyncio.open_connection("127.0.0.1", streamer.port) for _ in range(100)]
    silent += [await raw(streamer) for _ in range(100)]
    async with streamer.viewer(play) as viewer:
        await viewer.watch()
        await until(lambda: metric(streamer, 'cut_total{reason="evicted"}', 150), 20)
        for reader, writer in silent:
            async with asyncio.timeout(20):
                await _ended(reader)
            writer.transport.abort()
        await viewer.until("status")


async def test_who_does_not_finish_a_close_is_cut(embedded: Stage) -> None:
    streamer = await embedded.streamer(hello_seconds=0.3)
    reader, writer = await raw(streamer)
    await asyncio.wait_for(_ended(reader), 10)  # though this end never answered the close
    writer.transport.abort()


async def _ended(reader: asyncio.StreamReader) -> None:
    try:
        await reader.read(-1)
    except ConnectionError:
        return
