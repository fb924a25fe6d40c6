"""Every hole is told, with exact numbers and its reason."""

from contracts.task import Failure, StopReason
from tests.streamer.stage import Stage


async def test_what_the_agent_lost_is_told_between_two_batches(stage: Stage) -> None:
    play = await stage.play()
    async with (await stage.streamer()).viewer(play) as viewer:
        await viewer.watch()
        await play.packets(10)
        play.lose(7)
        await play.packets(10)
        await play.end()
        last = await viewer.end()
    assert viewer.of("gap") == [{"type": "gap", "first": 10, "count": 7, "reason": "agent-drop"}]
    assert last["missing"] == 7
    assert viewer.messages.index(viewer.of("gap")[0]) < viewer.messages.index(
        viewer.of("packets")[1]
    )


async def test_what_is_missing_at_the_end_is_told_before_it(stage: Stage) -> None:
    play = await stage.play()
    async with (await stage.streamer()).viewer(play) as viewer:
        await viewer.watch()
        await play.packets(10)
        play.lose(5)
        await play.end()
        last = await viewer.end()
    assert viewer.told == {"agent-drop": 5}
    assert last["next"] == last["ledger"]["captured"] == 15


async def test_the_tail_of_an_agent_that_was_killed_is_unknown(stage: Stage) -> None:
    play = await stage.play()
    async with (await stage.streamer()).viewer(play) as viewer:
        await viewer.watch()
        await play.packets(10)
        play.lose(5)
        error = Failure(code="agent-restarted", detail="what came after packet 9 is unknown")
        await play.end(StopReason.AGENT_RESTARTED, error=error)
        await viewer.end()
    assert viewer.told == {"unknown": 5}


async def test_a_tail_of_which_nothing_is_known_is_not_told_as_nothing(embedded: Stage) -> None:
    play = await embedded.play()
    await play.packets(10)
    error = Failure(code="agent-restarted", detail="what came after packet 9 is unknown")
    await play.end(StopReason.AGENT_RESTARTED, error=error)
    async with (await embedded.streamer()).viewer(play) as viewer:
        await viewer.watch(**{"from": "beginning"})
        last = await viewer.end()
    assert viewer.of("gap") == [{"type": "gap", "first": 10, "count": 0, "reason": "unknown"}]
    assert (last["next"], last["missing"]) == (10, 0)


async def test_blocks_that_an_agent_could_not_read_back_hold_nobody_up(stage: Stage) -> None:
    play = await stage.play()
    streamer = await stage.streamer()
    async with streamer.viewer(play) as live:
        await live.watch()
        for _ in range(15):
            await play.packets(4)
            play.damage(4)
        await play.packets(4)
        await play.end()
        assert (await live.end())["missing"] == 60
    async with streamer.viewer(play) as late:
        await late.watch(**{"from": "beginning"})
        await late.end(timeout=20)  # a hole that might be a removal takes two seconds
    assert live.numbers == late.numbers
    assert live.told == late.told == {"unknown": 60}


async def test_kernel_drops_have_a_count_and_no_number(stage: Stage) -> None:
    play = await stage.play()
    play.drop(3)
    await play.packets(10)
    async with (await stage.streamer()).viewer(play) as late:
        await late.watch()
        play.drop(4)
        await play.packets(10)
        gap = await late.until("gap")
        play.drop(2)
        await play.end()
        await late.end()
    assert gap == {"type": "gap", "count": 4, "reason": "kernel-drop"}
    assert late.told == {"kernel-drop": 6}, "what was dropped before it began is not its own"


async def test_from_the_beginning_all_kernel_drops_are_told(stage: Stage) -> None:
    play = await stage.play()
    for dropped in (3, 0, 4):
        play.drop(dropped)
        await play.packets(10)
    play.drop(1)
    await play.end()
    async with (await stage.streamer()).viewer(play) as viewer:
        await viewer.watch(**{"from": "beginning"})
        last = await viewer.end()
    assert viewer.told == {"kernel-drop": 8}
    assert last["missing"] == 0


async def test_a_resumed_viewer_is_told_each_kernel_drop_once(stage: Stage) -> None:
    play = await stage.play()
    play.drop(3)
    await play.packets(10)
    play.drop(4)
    await play.packets(10)
    await play.end()
    streamer = await stage.streamer()
    async with streamer.viewer(play) as resumed:
        await resumed.watch(**{"from": 10})
        await resumed.end()
    assert resumed.told == {"kernel-drop": 4}


async def test_many_holes_become_at_most_one_notice_a_second(stage: Stage) -> None:
    play = await stage.play()
    async with (await stage.streamer()).viewer(play) as viewer:
        await viewer.watch()
        for _ in range(40):
            await play.packets(5)
            play.lose(1)
            play.drop(2)
        await play.end()
        await viewer.end()
    assert viewer.told == {"agent-drop": 40, "kernel-drop": 80}
    assert len(viewer.of("gap")) <= 8, "loss notices must not flood"


async def test_a_session_removed_while_it_is_read_is_told_as_expired(stage: Stage) -> None:
    play = await stage.play()
    await play.packets(400, blocks=100, size=1000)
    await play.end()
    async with (await stage.streamer()).viewer(play, max_queue=1) as viewer:
        await viewer.watch(**{"from": "beginning", "format": "pcapng"})
        await viewer.till(lambda: len(viewer.numbers) > 0)
        await play.remove()
        last = await viewer.end(timeout=30)
    assert 0 < viewer.told["expired"] < play.next
    assert len(viewer.numbers) + viewer.told["expired"] == play.next == last["next"]


async def test_who_waits_on_a_session_that_is_removed_is_told(stage: Stage) -> None:
    play = await stage.play()
    await play.end()
    async with (await stage.streamer()).viewer(play) as viewer:
        await viewer.enter()
        await play.remove()
        assert await viewer.closed() == 4404


async def test_a_removed_sessions_name_can_be_given_again_at_once(stage: Stage) -> None:
    removed = await stage.play()
    await removed.packets(3)
    await removed.end()
    streamer = await stage.streamer()
    async with streamer.viewer(removed) as viewer:
        await viewer.enter()
        await removed.remove()
        play = removed.again()
        await play.request()
        await play.run()
        assert await viewer.closed() == 4404
    async with streamer.viewer(play) as viewer:
        await viewer.watch(**{"from": "beginning", "format": "pcapng"})
        await play.packets(5)
        await play.end()
        assert (await viewer.end())["next"] == 5
    assert viewer.numbers == list(range(5))


async def test_blocks_set_aside_are_a_hole_of_unknown_reason(embedded: Stage) -> None:
    play = await embedded.play()
    async with (await embedded.streamer()).viewer(play) as viewer:
        await viewer.watch(format="pcapng")
        await play.packets(10)
        play.make(10)  # never comes into the store
        await play.packets(10)
        await play.end()
        await viewer.end()
    assert viewer.told == {"unknown": 10}
    assert viewer.numbers == [*range(10), *range(20, 30)]
