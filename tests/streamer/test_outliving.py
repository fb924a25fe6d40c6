"""Faults of what the streamer depends on: it tells, waits, heals, and misses nothing."""

import asyncio
from typing import Any

import pytest
from redis.asyncio import Redis

from services.packets.endpoints.opening import open_endpoints
from services.packets.endpoints.setting import parse_endpoints
from tests.servers.redis import RedisServer
from tests.streamer.faulty import Faults, with_faults
from tests.streamer.stage import Stage
from tests.support.wait import until

FROM_BEGINNING: dict[str, Any] = {"from": "beginning"}


@pytest.fixture
def faults(stage: Stage) -> Faults:
    """The faults of the stage's endpoints."""
    stage.endpoints, faults = with_faults(stage.endpoints)
    return faults


async def test_when_the_feed_lost_its_history_a_viewer_misses_nothing(
    stage: Stage, faults: Faults
) -> None:
    play = await stage.play()
    async with (await stage.streamer()).viewer(play) as viewer:
        await viewer.watch()
        await play.packets(10, blocks=5)
        await viewer.till(lambda: viewer.next == 50)
        faults.silent = True
        await play.packets(10, blocks=3)
        await asyncio.sleep(0.5)  # the feed reads and forgets
        faults.silent = False
        faults.lost.set()
        await viewer.till(lambda: viewer.next == 80)
        await play.packets(10)
        await play.end()
        await viewer.end()
    assert viewer.numbers == list(range(90))
    assert viewer.told == {}


async def test_when_very_much_history_was_lost_viewers_read_it_from_the_store(
    stage: Stage, faults: Faults
) -> None:
    play = await stage.play()
    streamer = await stage.streamer(viewer_queue=64 << 10)
    async with streamer.viewer(play) as one, streamer.viewer(play) as two:
        await one.watch(format="pcapng")
        await two.watch()
        faults.silent = True
        await play.packets(100, blocks=100)
        await asyncio.sleep(0.5)
        faults.silent = False
        faults.lost.set()
        async with play.flowing(10):
            await one.till(lambda: len(one.numbers) > 10_000)
        await play.end()
        await one.end()
        await two.end()
    assert one.numbers == two.numbers == list(range(play.next))
    assert one.told == two.told == {}


async def test_blocks_that_the_feed_never_told_are_read_because_the_ledger_counts_them(
    stage: Stage, faults: Faults
) -> None:
    play = await stage.play()
    async with (await stage.streamer()).viewer(play) as viewer:
        await viewer.watch()
        faults.silent = True
        await play.packets(10, blocks=3)
        await play.report()
        await viewer.till(lambda: viewer.next == 30)
        await play.packets(10)
        await play.end()
        await viewer.end()
    assert viewer.numbers == list(range(40))
    assert viewer.told == {}


@pytest.mark.parametrize("before", [0, 10])
async def test_what_is_stored_while_a_session_is_being_opened_is_not_left_out(
    stage: Stage, faults: Faults, before: int
) -> None:
    play = await stage.play()
    if before:
        await play.packets(before)
    faults.once_stored = lambda: play.packets(10)
    async with (await stage.streamer()).viewer(play) as viewer:
        assert await viewer.watch(**{"from": before}) == before
        await play.packets(10)
        await play.end()
        await viewer.end()
    assert viewer.numbers == list(range(before, before + 20))
    assert viewer.told == {}


async def test_a_hole_in_the_feed_is_filled_from_the_store(stage: Stage, faults: Faults) -> None:
    play = await stage.play()
    async with (await stage.streamer()).viewer(play) as viewer:
        await viewer.watch()
        await play.packets(10)
        await viewer.till(lambda: viewer.next == 10)
        faults.silent = True
        await play.packets(10)
        await asyncio.sleep(0.5)
        faults.silent = False
        await play.packets(10)
        await viewer.till(lambda: viewer.next == 30)
    assert viewer.numbers == list(range(30))


async def test_the_store_away_and_back_loses_nothing(stage: Stage, faults: Faults) -> None:
    play = await stage.play()
    streamer = await stage.streamer()
    async with streamer.viewer(play) as viewer, streamer.viewer(play) as late:
        await viewer.watch()
        await play.packets(10)
        await viewer.till(lambda: viewer.next == 10)
        await late.enter()
        faults.away = True
        await play.packets(10, blocks=5)
        await late.send(type="start", **FROM_BEGINNING)
        assert (await viewer.until("status"))["state"] == "running", "it is told that it lives"
        faults.away = False
        await play.packets(10)
        await play.end()
        await viewer.end()
        await late.end()
    assert viewer.numbers == late.numbers == list(range(70))


async def test_while_the_store_is_away_a_new_viewer_is_told_to_come_again(
    stage: Stage, faults: Faults
) -> None:
    play = await stage.play()
    streamer = await stage.streamer()
    faults.away = True
    async with streamer.viewer(play) as viewer:
        await viewer.send(type="session", session=play.session, ticket=viewer.ticket)
        assert await viewer.closed() == 1013
    assert viewer.of("error")[0]["code"] == "unavailable"
    faults.away = False
    async with streamer.viewer(play) as viewer:
        await viewer.watch()


async def test_a_streamer_stops_though_its_store_is_frozen(embedded: Stage) -> None:
    embedded.endpoints, faults = with_faults(embedded.endpoints)
    play = await embedded.play()
    streamer = await embedded.streamer()
    async with streamer.viewer(play) as viewer:
        await viewer.watch()
        faults.frozen = True
        await viewer.until("status")
        stopping = asyncio.create_task(streamer.stop())
        assert await viewer.closed() == 1001
        await stopping


async def test_blocks_that_never_come_are_given_up_and_told(embedded: Stage) -> None:
    play = await embedded.play()
    async with (await embedded.streamer()).viewer(play) as viewer:
        await viewer.watch()
        await play.packets(10)
        play.make(10)  # counted, and not there
        await play.end()
        last = await viewer.end()
    assert viewer.told == {"unknown": 10}
    assert last["next"] == 20


async def test_an_end_that_overtakes_the_last_blocks_waits_for_them(
    embedded: Stage,
) -> None:
    """A capture on a second endpoint: there is no order between the two feeds."""
    folder = embedded.folder
    address = f"main=sqlite://{folder}/packets.db,far=sqlite://{folder}/far.db"
    await embedded.endpoints.close()
    embedded.endpoints = await open_endpoints(parse_endpoints(address))
    await embedded.endpoints.get("far").prepare()
    play = await embedded.play(endpoint="far")
    async with (await embedded.streamer()).viewer(play) as viewer:
        await viewer.watch()
        await play.packets(10)
        late = [play.make(10), play.make(10)]
        await play.end()
        while (await viewer.until("status"))["state"] != "stopped":
            pass
        await play.blocks.insert_blocks(late)
        await viewer.end()
    assert viewer.numbers == list(range(30))


async def test_redis_away_and_back_leaves_viewers_unharmed(
    embedded: Stage, private_redis: RedisServer
) -> None:
    embedded.tasks = Redis.from_url(private_redis.url, socket_timeout=0.5)
    play = await embedded.play()
    play.tasks = embedded.tasks
    streamer = await embedded.streamer()
    key = f"capflow:viewers:{play.session}"
    async with streamer.viewer(play) as viewer:
        await viewer.watch()
        await until(lambda: embedded.tasks.exists(key))
        private_redis.kill()
        await play.packets(10)
        await viewer.till(lambda: viewer.next == 10)
        await viewer.until("status")
        assert "tasks" in await asyncio.to_thread(streamer.page, "/readyz")
        private_redis.start()
        await until(lambda: embedded.tasks.exists(key))
        await play.packets(10)
        await viewer.till(lambda: viewer.next == 20)


async def test_a_ledger_in_redis_is_newer_than_the_record(stage: Stage) -> None:
    play = await stage.play()
    async with (await stage.streamer()).viewer(play) as viewer:
        await viewer.watch()
        await play.packets(10)
        await play.report()
        while (await viewer.until("status"))["ledger"]["stored"] != 10:
            pass


async def test_a_task_store_that_was_wiped_is_no_trouble(stage: Stage) -> None:
    play = await stage.play()
    async with (await stage.streamer()).viewer(play) as viewer:
        await viewer.watch()
        await stage.tasks.flushdb()
        await play.packets(10)
        await viewer.till(lambda: viewer.next == 10)
        await play.end()
        await viewer.end()
