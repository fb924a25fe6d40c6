"""What a viewer is sent: live, from the beginning, from a number; up to the end."""

import asyncio
import json
from base64 import b64decode
from typing import Any

import pytest

from contracts.task import StopReason, TaskState
from services.packets.pcapng import EPB_TYPE, IDB_TYPE, SHB_TYPE, U32
from tests.streamer.play import number_in, packet
from tests.streamer.stage import Stage

FROM_BEGINNING: dict[str, Any] = {"from": "beginning"}


async def test_a_live_viewer_gets_what_comes_after_it_and_nothing_before(stage: Stage) -> None:
    play = await stage.play()
    await play.packets(10, blocks=3)
    async with (await stage.streamer()).viewer(play) as viewer:
        assert await viewer.watch() == 30
        await play.packets(10, blocks=2)
        await viewer.till(lambda: len(viewer.numbers) == 20)
        await play.end()
        last = await viewer.end()
    assert viewer.numbers == list(range(30, 50))
    assert (last["state"], last["stop_reason"]) == ("stopped", "requested")
    assert last["ledger"] == play.ledger.model_dump()
    assert viewer.told == {}


async def test_a_viewer_from_the_beginning_gets_all_and_goes_on_live(stage: Stage) -> None:
    play = await stage.play()
    await play.packets(10, blocks=50)
    async with (await stage.streamer()).viewer(play) as viewer:
        assert await viewer.watch(**FROM_BEGINNING, format="pcapng") == 0
        await play.packets(10, blocks=50)
        await viewer.till(lambda: len(viewer.numbers) == 1000)
        await play.packets(10)
        await play.end(StopReason.SECONDS)
        assert (await viewer.end())["stop_reason"] == "seconds"
    assert viewer.numbers == list(range(1010))


async def test_a_viewer_from_a_number_gets_a_part_of_the_first_block(stage: Stage) -> None:
    play = await stage.play()
    await play.packets(10, blocks=30)
    await play.end()
    async with (await stage.streamer()).viewer(play) as viewer:
        assert await viewer.watch(**{"from": 137, "format": "pcapng"}) == 137
        await viewer.end()
    assert viewer.numbers == list(range(137, 300))


async def test_from_a_number_in_the_newest_blocks_nothing_is_missing(stage: Stage) -> None:
    play = await stage.play()
    streamer = await stage.streamer()
    async with streamer.viewer(play) as first, streamer.viewer(play) as second:
        await first.watch()
        await play.packets(10, blocks=5)
        await first.till(lambda: first.next == 50)
        assert await second.watch(**{"from": 23}) == 23
        await play.packets(10)
        await play.end()
        await second.end()
    assert second.numbers == list(range(23, 60))


async def test_json_rows_say_what_each_packet_is(embedded: Stage) -> None:
    play = await embedded.play()
    await play.packets(2)
    async with (await embedded.streamer()).viewer(play) as viewer:
        await viewer.watch(**FROM_BEGINNING, raw=True)
        batch = await viewer.until("packets")
    assert (batch["first"], batch["next"]) == (0, 2)
    row = batch["packets"][1]
    assert row["number"] == 1
    assert row["time"] == "1795000000.000000001"
    assert row["length"] == 100
    assert (row["source"], row["destination"]) == ("10.0.0.1:4000", "10.0.0.2:9")
    assert row["protocol"] == "UDP"
    assert number_in(b64decode(row["data"])) == 1


async def test_without_raw_no_bytes_are_sent(embedded: Stage) -> None:
    play = await embedded.play()
    await play.packets(1)
    async with (await embedded.streamer()).viewer(play) as viewer:
        await viewer.watch(**FROM_BEGINNING)
        assert "data" not in (await viewer.until("packets"))["packets"][0]


async def test_bytes_come_in_messages_that_any_client_takes(embedded: Stage) -> None:
    play = await embedded.play()
    await play.packets(650, size=1500, ports=(9, 53))
    await play.end()
    streamer = await embedded.streamer()
    for expression, step in (("", 1), ("udp port 9", 2)):
        async with streamer.viewer(play) as viewer:
            await viewer.watch(**FROM_BEGINNING, raw=True, filter=expression)
            await viewer.end()
        assert viewer.numbers == list(range(0, 650, step))
        assert viewer.holes == 0
        assert max(len(json.dumps(batch)) for batch in viewer.of("packets")) < 1 << 20


async def test_pcapng_begins_with_the_headers_of_a_file(embedded: Stage) -> None:
    play = await embedded.play()
    await play.packets(1)
    async with (await embedded.streamer()).viewer(play) as viewer:
        await viewer.watch(**FROM_BEGINNING, format="pcapng")
        await viewer.till(lambda: viewer.numbers == [0])
    assert viewer.header is not None
    assert U32.unpack_from(viewer.header)[0] == SHB_TYPE
    section = U32.unpack_from(viewer.header, 4)[0]
    assert U32.unpack_from(viewer.header, section)[0] == IDB_TYPE
    assert EPB_TYPE not in (SHB_TYPE, IDB_TYPE)


@pytest.mark.parametrize("form", ["json", "pcapng"])
async def test_a_filter_keeps_packets_back_and_counts_them(stage: Stage, form: str) -> None:
    play = await stage.play()
    await play.packets(10, blocks=5, ports=(53, 9, 9))
    streamer = await stage.streamer()
    async with streamer.viewer(play) as viewer:
        await viewer.watch(**FROM_BEGINNING, format=form, filter="udp port 53")
        await viewer.till(lambda: viewer.next == 50)
        await play.packets(10, blocks=2)  # of these none passes
        await play.packets(10, ports=(53,))
        await play.end()
        last = await viewer.end()
    assert viewer.numbers == [*range(0, 50, 3), *range(70, 80)]
    assert (last["sent"], last["filtered"], last["missing"]) == (27, 53, 0)
    assert viewer.holes == 0, "what a filter keeps back is no hole"


async def test_viewers_of_one_filter_are_sent_the_same(stage: Stage) -> None:
    play = await stage.play()
    streamer = await stage.streamer()
    async with streamer.viewer(play) as one, streamer.viewer(play) as two:
        await one.watch(filter="udp port 53")
        await two.watch(filter="udp port 53")
        await play.packets(10, ports=(53, 9))
        await play.end()
        await one.end()
        await two.end()
    assert one.numbers == two.numbers == list(range(0, 10, 2))


async def test_who_comes_before_the_capture_runs_waits_for_it(stage: Stage) -> None:
    play = await stage.play(running=False)
    async with (await stage.streamer()).viewer(play) as viewer:
        assert (await viewer.enter())["state"] == "requested"
        assert await viewer.start() == 0
        await play.run()
        await play.packets(10)
        await viewer.till(lambda: len(viewer.numbers) == 10)
        await play.become(TaskState.STOPPING)
        await play.end()
        last = await viewer.end()  # it is the last status
    states = [status["state"] for status in (*viewer.of("status"), last)]
    assert list(dict.fromkeys(states)) == ["requested", "running", "stopping", "stopped"]


async def test_packets_that_come_before_the_record_of_the_run_wait_for_it(stage: Stage) -> None:
    play = await stage.play(running=False)
    async with (await stage.streamer()).viewer(play) as viewer:
        await viewer.watch(format="pcapng")
        await play.packets(10)
        await play.run()
        await viewer.till(lambda: len(viewer.numbers) == 10)
    assert viewer.header is not None


async def test_stop_ends_the_flow_and_start_may_follow(stage: Stage) -> None:
    play = await stage.play()
    await play.packets(10)
    async with (await stage.streamer()).viewer(play) as viewer:
        await viewer.watch(**FROM_BEGINNING)
        await viewer.till(lambda: len(viewer.numbers) == 10)
        await viewer.send(type="stop")
        assert (await viewer.until("stopped"))["next"] == 10
        await play.packets(10)
        await viewer.until("status")
        assert await viewer.start(**{"from": 10}) == 10
        await viewer.till(lambda: len(viewer.numbers) == 20)
        await viewer.send(type="stop")
        await viewer.until("stopped")
        assert await viewer.start(**{"from": 5}) == 5


async def test_nothing_flows_before_start(embedded: Stage) -> None:
    play = await embedded.play()
    async with (await embedded.streamer()).viewer(play) as viewer:
        await viewer.enter()
        await play.packets(10)
        await play.end()
        while (await viewer.until("status"))["state"] != "stopped":
            pass
        assert viewer.of("packets") == []
        await viewer.start(**FROM_BEGINNING)
        await viewer.end()
    assert viewer.numbers == list(range(10))


async def test_an_ended_capture_without_packets_ends_at_once(stage: Stage) -> None:
    play = await stage.play(running=False)
    await play.end(state=TaskState.FAILED, reason=StopReason.ERROR)
    async with (await stage.streamer()).viewer(play) as viewer:
        assert await viewer.watch() == 0
        last = await viewer.end()
    assert (last["state"], last["stop_reason"], last["next"]) == ("failed", "error", 0)


async def test_two_streamers_show_the_same_capture(stage: Stage) -> None:
    play = await stage.play()
    one, two = await stage.streamer(), await stage.streamer()
    async with one.viewer(play) as first, two.viewer(play) as second:
        await first.watch()
        await second.watch(format="pcapng")
        await play.packets(10, blocks=20)
        await play.end()
        await first.end()
        await second.end()
    assert first.numbers == second.numbers == list(range(200))


async def test_many_viewers_of_one_session_are_served_alike(stage: Stage) -> None:
    play = await stage.play()
    streamer = await stage.streamer()
    viewers = [streamer.viewer(play) for _ in range(50)]
    try:
        await asyncio.gather(*(viewer.__aenter__() for viewer in viewers))
        await asyncio.gather(*(viewer.watch() for viewer in viewers))
        await play.packets(100, blocks=20)
        await play.end()
        await asyncio.gather(*(viewer.end() for viewer in viewers))
    finally:
        await asyncio.gather(*(viewer.__aexit__(None, None, None) for viewer in viewers))
    assert all(viewer.numbers == list(range(2000)) for viewer in viewers)


def test_the_packets_played_say_their_number() -> None:
    assert number_in(packet(7)) == 7
