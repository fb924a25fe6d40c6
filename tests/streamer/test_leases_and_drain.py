"""Viewer leases, statuses, and the end of a streamer."""

import asyncio

import pytest
from redis.asyncio import Redis

from contracts.topology import viewers_key
from tests.streamer.play import Play
from tests.streamer.stage import Stage
from tests.streamer.test_slow_viewers import narrow
from tests.streamer.watching import Watching
from tests.support.wait import until


async def lease(tasks: Redis, play: Play) -> int:
    """Milliseconds the lease lives; 0 where there is none."""
    return max(0, await tasks.pttl(viewers_key(play.session)))


async def test_a_lease_is_kept_while_somebody_watches_and_ends_after(stage: Stage) -> None:
    play = await stage.play()
    play.capture = play.capture.model_copy(update={"idle_seconds": 2})
    await play.run()
    async with (await stage.streamer()).viewer(play) as viewer:
        await viewer.enter()
        await until(lambda: lease(stage.tasks, play))
        for _ in range(30):  # longer than the lease lives
            await asyncio.sleep(0.1)
            assert 0 < await lease(stage.tasks, play) <= 2000
    await until(lambda: _gone(stage.tasks, play))


async def test_a_lease_is_taken_at_once_and_for_the_captures_own_time(stage: Stage) -> None:
    play = await stage.play()
    streamer = await stage.streamer()
    async with streamer.viewer(play) as viewer:
        await viewer.enter()
        await until(lambda: lease(stage.tasks, play))
        assert 50_000 < await lease(stage.tasks, play) <= 60_000


async def test_who_shows_no_ticket_keeps_no_capture_alive(embedded: Stage) -> None:
    play = await embedded.play()
    async with (await embedded.streamer()).viewer(play) as viewer:
        await viewer.send(type="session", session=play.session, ticket="x")
        await viewer.closed()
        await asyncio.sleep(0.2)
    assert await lease(embedded.tasks, play) == 0


async def test_an_ended_capture_needs_no_lease(embedded: Stage) -> None:
    play = await embedded.play()
    await play.end()
    async with (await embedded.streamer()).viewer(play) as viewer:
        await viewer.enter()
        await viewer.until("status")
        await viewer.until("status")
    assert await lease(embedded.tasks, play) == 0


async def test_a_status_comes_once_a_second_with_the_sums(embedded: Stage) -> None:
    play = await embedded.play()
    async with (await embedded.streamer()).viewer(play) as viewer:
        await viewer.watch()
        await play.packets(10)
        await viewer.until("status")
        begun = asyncio.get_running_loop().time()
        statuses = [await viewer.until("status") for _ in range(3)]
        took = asyncio.get_running_loop().time() - begun
    assert 2.5 < took < 4
    last = statuses[-1]
    assert (last["next"], last["sent"], last["filtered"], last["skipped"]) == (10, 10, 0, 0)
    assert set(last) == {
        "type", "state", "ledger", "spool", "next", "sent", "filtered", "skipped", "missing"
    }  # fmt: skip


async def test_the_first_viewer_is_told_the_newest_ledger_without_waiting_a_turn(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.streamer.ledgers._INTERVAL", 3600)
    streamer, play = await stage.streamer(), await stage.play()
    await play.packets(10)
    await play.report()
    async with streamer.viewer(play) as viewer:
        assert (await viewer.enter())["ledger"]["stored"] == 0, "the record's"
        await viewer.till(lambda: 10 in _stored(viewer))


async def test_a_streamer_that_stops_tells_where_to_go_on(stage: Stage) -> None:
    play = await stage.play()
    streamer, other = await stage.streamer(), await stage.streamer()
    async with streamer.viewer(play) as viewer:
        await viewer.watch()
        await play.packets(10)
        await viewer.till(lambda: viewer.next == 10)
        stopping = asyncio.create_task(streamer.stop())
        assert await viewer.closed() == 1001
        await stopping
    assert viewer.of("status")[-1]["next"] == 10
    await play.packets(10)
    await play.end()
    async with other.viewer(play) as resumed:
        await resumed.watch(**{"from": viewer.of("status")[-1]["next"]})
        await resumed.end()
    assert resumed.numbers == list(range(10, 20))


async def test_a_streamer_stops_though_a_viewer_takes_nothing(embedded: Stage) -> None:
    play = await embedded.play()
    streamer = await embedded.streamer(viewer_queue=256 << 10)
    async with narrow(streamer, play) as stuck:
        await stuck.watch(format="pcapng")
        await play.packets(500, blocks=50, size=1000)
        await asyncio.sleep(0.3)
        await streamer.stop()


async def test_a_streamer_stops_while_a_viewer_is_far_behind(embedded: Stage) -> None:
    play = await embedded.play()
    await play.packets(500, blocks=50, size=1000)
    streamer = await embedded.streamer()
    async with narrow(streamer, play) as behind:
        await behind.watch(**{"from": "beginning", "format": "pcapng"})
        await streamer.stop()


async def test_a_channel_goes_some_seconds_after_its_last_viewer(embedded: Stage) -> None:
    play = await embedded.play()
    streamer = await embedded.streamer()
    async with streamer.viewer(play) as viewer:
        await viewer.watch()
        await until(lambda: _sessions(streamer, "1.0"))
    await until(lambda: _sessions(streamer, "0.0"))


def _stored(viewer: Watching) -> list[int]:
    return [status["ledger"]["stored"] for status in viewer.of("status")]


async def _gone(tasks: Redis, play: Play) -> bool:
    return await lease(tasks, play) == 0


async def _sessions(streamer: object, count: str) -> bool:
    page = await asyncio.to_thread(streamer.page, "/metrics")  # type: ignore[attr-defined]
    return f"capflow_streamer_sessions {count}" in page
