"""One slow viewer never delays another, and learns exactly what it missed."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from tests.streamer.play import Play
from tests.streamer.stage import Stage, Streamer
from tests.streamer.watching import Watching
from tests.support.wait import until

SMALL = {"viewer_queue": 256 << 10}


@asynccontextmanager
async def narrow(streamer: Streamer, play: Play) -> AsyncIterator[Watching]:
    """A viewer whose system takes little on its behalf, so that a pause shows soon."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", streamer.port))
    async with streamer.viewer(play, sock=sock, max_queue=1) as viewer:
        yield viewer


async def test_a_viewer_that_pauses_gets_gaps_that_add_up_and_another_misses_nothing(
    stage: Stage,
) -> None:
    play = await stage.play()
    streamer = await stage.streamer(**SMALL)
    async with narrow(streamer, play) as slow, streamer.viewer(play) as quick:
        await slow.watch(format="pcapng")
        await quick.watch(format="pcapng")
        reading = asyncio.create_task(quick.end(timeout=60))
        async with play.flowing(500, size=1000):
            await asyncio.sleep(5)  # the pause itself: the slow viewer reads nothing
            await slow.till(lambda: slow.told["slow-viewer"] > 0)
            seen = len(slow.numbers)
            await slow.till(lambda: len(slow.numbers) > seen + 1000)
        await play.end()
        last = await slow.end(timeout=30)
        await reading
    assert quick.numbers == list(range(play.next))
    assert quick.told == {}
    assert last["skipped"] == slow.told["slow-viewer"] > 0
    assert len(slow.numbers) + last["skipped"] == play.next
    assert slow.holes == last["skipped"], "each hole is told before what follows it"


async def test_slow_viewer_notices_are_exact_ranges(embedded: Stage) -> None:
    play = await embedded.play()
    streamer = await embedded.streamer(**SMALL)
    async with narrow(streamer, play) as slow:
        await slow.watch(format="pcapng")
        async with play.flowing(500, size=1000):
            for told in range(2):
                await asyncio.sleep(1.5)
                await slow.till(lambda told=told: len(slow.of("gap")) > told)  # type: ignore[misc]
        await play.end()
        await slow.end(timeout=30)
    ranges = [range(gap["first"], gap["first"] + gap["count"]) for gap in slow.of("gap")]
    missed = set(range(play.next)) - set(slow.numbers)
    assert missed == set().union(*ranges)
    assert len(missed) == sum(map(len, ranges))


async def test_a_slow_viewer_of_a_capture_that_has_ended_reads_the_rest(stage: Stage) -> None:
    play = await stage.play()
    streamer = await stage.streamer(**SMALL)
    async with narrow(streamer, play) as slow:
        await slow.watch(format="pcapng")
        await play.packets(500, blocks=50, size=1000)
        await play.end()
        await asyncio.sleep(1)  # all of it has come before the viewer reads on
        await slow.end(timeout=30)
    assert slow.numbers == list(range(25_000))


async def test_who_takes_nothing_is_cut_and_the_others_go_on(stage: Stage) -> None:
    play = await stage.play()
    streamer = await stage.streamer(**SMALL, stall_seconds=1)
    async with streamer.viewer(play) as quick:
        stuck = [narrow(streamer, play) for _ in range(5)]
        viewers = [await one.__aenter__() for one in stuck]
        for viewer in viewers:
            await viewer.watch(format="pcapng")
        await quick.watch(format="pcapng")
        reading = asyncio.create_task(quick.end(timeout=60))
        async with play.flowing(500, size=1000):
            await until(lambda: metric(streamer, 'cut_total{reason="stalled"}', 5))
        await play.end()
        await reading
        for viewer in viewers:
            assert await viewer.closed() == 1006
            await viewer.__aexit__(None, None, None)
    assert quick.numbers == list(range(play.next))


async def test_a_viewer_behind_reads_at_its_own_pace_and_misses_nothing(stage: Stage) -> None:
    play = await stage.play()
    await play.packets(500, blocks=100, size=1000)
    streamer = await stage.streamer(**SMALL)
    async with narrow(streamer, play) as viewer:
        await viewer.watch(**{"from": "beginning", "format": "pcapng"})
        await asyncio.sleep(1)  # it reads nothing for a while
        await play.end()
        last = await viewer.end(timeout=60)
    assert viewer.numbers == list(range(50_000))
    assert last["skipped"] == 0


async def test_a_viewer_that_vanished_without_a_word_is_noticed(embedded: Stage) -> None:
    play = await embedded.play()
    streamer = await embedded.streamer(ping_seconds=0.3)
    reader, writer = await asyncio.open_connection("127.0.0.1", streamer.port)
    writer.write(
        b"GET /v1/stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    hello = (
        f'{{"type":"session","session":"{play.session}","ticket":"{embedded.ticket(play.session)}"}}'
    ).encode()
    writer.write(b"\x81\xfe" + struct.pack("!H", len(hello)) + bytes(4) + hello)
    # It never answers a ping, as a host that has lost its power would not.
    await until(lambda: metric(streamer, 'cut_total{reason="dead"}', 1))
    writer.transport.abort()


async def test_a_viewer_that_is_quiet_but_there_is_kept(embedded: Stage) -> None:
    play = await embedded.play()
    streamer = await embedded.streamer(ping_seconds=0.3)
    async with streamer.viewer(play) as viewer:
        await viewer.enter()
        for _ in range(3):
            await viewer.until("status")  # one a second, and a ping in between
        await viewer.start()


async def metric(streamer: Streamer, name: str, least: float) -> bool:
    text = await asyncio.to_thread(streamer.page, "/metrics")
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return float(lines.get(f"capflow_streamer_{name}", 0)) >= least


async def test_viewers_that_hold_too_much_memory_are_cut_the_longest_stuck_first(
    embedded: Stage,
) -> None:
    play = await embedded.play()
    streamer = await embedded.streamer(viewer_queue=256 << 10, streamer_memory=1 << 19)
    async with AsyncExitStack() as stack:
        quick = await stack.enter_async_context(streamer.viewer(play))
        await quick.watch(format="pcapng")
        for _ in range(8):
            stuck = await stack.enter_async_context(narrow(streamer, play))
            await stuck.watch(format="pcapng")
        reading = asyncio.create_task(quick.end(timeout=60))
        async with play.flowing(500, size=1000):
            await until(lambda: metric(streamer, 'cut_total{reason="memory"}', 1))
            await until(lambda: holds_less(streamer, 1 << 19))
        await play.end()
        await reading
    assert quick.numbers == list(range(play.next))


async def holds_less(streamer: Streamer, most: int) -> bool:
    return not await metric(streamer, "held_bytes", most)
