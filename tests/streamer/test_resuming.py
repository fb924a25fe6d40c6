"""A viewer that names a number goes on there, on any streamer: every packet exactly once."""

import asyncio

from tests.streamer.stage import Stage


async def test_a_viewer_resumes_on_another_streamer_with_every_packet_once(stage: Stage) -> None:
    play = await stage.play()
    streamers = [await stage.streamer(), await stage.streamer()]
    numbers: list[int] = []
    next = 0
    async with play.flowing(50, pause=0.005):
        for turn in range(6):
            async with streamers[turn % 2].viewer(play) as viewer:
                form = "pcapng" if turn % 3 else "json"
                assert await viewer.watch(**{"from": next, "format": form}) == next
                await viewer.till(lambda: len(viewer.numbers) > 300)
                assert viewer.next is not None
                numbers, next = numbers + viewer.numbers, viewer.next
                assert viewer.told == {}
    await play.end()
    async with streamers[0].viewer(play) as viewer:
        await viewer.watch(**{"from": next})
        await viewer.end()
    assert numbers + viewer.numbers == list(range(play.next))


async def test_a_number_that_this_streamer_has_not_heard_of_yet_is_waited_for(stage: Stage) -> None:
    play = await stage.play()
    await play.packets(10)
    async with (await stage.streamer()).viewer(play) as viewer:
        await viewer.enter()
        await viewer.send(type="start", **{"from": 25})
        await viewer.until("status")  # and no refusal before it
        await play.packets(20)
        assert (await viewer.until("started"))["first"] == 25
        await viewer.till(lambda: viewer.numbers == list(range(25, 30)))


async def test_the_number_in_a_status_is_the_one_to_resume_from(stage: Stage) -> None:
    play = await stage.play()
    streamer = await stage.streamer()
    await play.packets(10, blocks=4)
    async with streamer.viewer(play) as viewer:
        await viewer.watch(**{"from": "beginning"})
        await viewer.till(lambda: len(viewer.numbers) == 40)
        status = await viewer.until("status")
    await play.packets(10)
    await play.end()
    async with streamer.viewer(play) as resumed:
        assert await resumed.watch(**{"from": status["next"]}) == 40
        await resumed.end()
    assert resumed.numbers == list(range(40, 50))


async def test_after_the_last_packet_only_the_end_is_left(stage: Stage) -> None:
    play = await stage.play()
    await play.packets(10)
    play.lose(5)
    await play.end()
    async with (await stage.streamer()).viewer(play) as viewer:
        await viewer.watch(**{"from": 15})
        assert (await viewer.end())["next"] == 15
    assert viewer.told == {}


async def test_a_hundred_viewers_who_come_back_at_once_cost_few_reads(embedded: Stage) -> None:
    play = await embedded.play()
    await play.packets(10, blocks=200)
    await play.end()
    streamer = await embedded.streamer()
    viewers = [streamer.viewer(play) for _ in range(100)]
    await asyncio.gather(*(viewer.__aenter__() for viewer in viewers))
    await asyncio.gather(*(viewer.watch(**{"from": 1000}) for viewer in viewers))
    await asyncio.gather(*(viewer.end(timeout=30) for viewer in viewers))
    assert all(viewer.numbers == list(range(1000, 2000)) for viewer in viewers)
    page = await asyncio.to_thread(streamer.page, "/metrics")
    read = next(line for line in page.splitlines() if "blocks_read_total{" in line)
    assert float(read.split()[-1]) < 10 * 200
    await asyncio.gather(*(viewer.__aexit__(None, None, None) for viewer in viewers))
