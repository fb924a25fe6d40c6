"""What the feed of every packet store carries, and in which order."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from contracts.task import TaskState
from services.packets.endpoints.port import (
    BlockStored,
    Change,
    Feed,
    PacketStore,
    SessionChanged,
    SessionRemoved,
)
from tests.support.captures import block, blocks, capture, ended, session_at

ONE, TWO = session_at(0), session_at(1)


@pytest.fixture
async def feed(store: PacketStore) -> AsyncIterator[Feed]:
    opened = store.feed()
    yield opened
    await opened.close()


async def watching(feed: Feed, *sessions: str) -> list[Change]:
    """Watch, wait until it is so, and what came meanwhile."""
    feed.watch(sessions)
    changes: list[Change] = []
    while feed.watching != set(sessions):
        changes += await feed.changes()
    return changes


async def take(feed: Feed, count: int) -> list[Change]:
    """The next `count` changes and what comes with them."""
    changes: list[Change] = []
    async with asyncio.timeout(30):
        while len(changes) < count:
            changes += await feed.changes()
    return changes


async def test_a_feed_that_watches_nothing_carries_nothing(store: PacketStore, feed: Feed) -> None:
    await store.insert_blocks(blocks(ONE, range(2)))
    assert feed.watching == frozenset()
    assert await feed.changes() == []


async def test_blocks_come_in_their_order(store: PacketStore, feed: Feed) -> None:
    await watching(feed, ONE)
    everything = blocks(ONE, range(50))
    for number in range(0, 50, 5):
        await store.insert_blocks(everything[number : number + 5])
    assert await take(feed, 50) == [BlockStored(one) for one in everything]


async def test_a_block_stored_twice_comes_once(store: PacketStore, feed: Feed) -> None:
    await watching(feed, ONE)
    await store.insert_blocks(blocks(ONE, range(2)))
    await store.insert_blocks(blocks(ONE, range(3)))
    assert await take(feed, 3) == [BlockStored(one) for one in blocks(ONE, range(3))]


async def test_other_sessions_are_left_out(store: PacketStore, feed: Feed) -> None:
    await watching(feed, ONE)
    await store.insert_session(capture(1), "")
    await store.insert_blocks([block(TWO, 0), block(ONE, 0), block(TWO, 1)])
    assert await take(feed, 1) == [BlockStored(block(ONE, 0))]


async def test_the_end_of_a_capture_comes_after_its_last_block(
    store: PacketStore, feed: Feed
) -> None:
    new = capture(0)
    running = new.model_copy(update={"state": TaskState.RUNNING})
    end = ended(new, 9)
    await watching(feed, ONE)
    await store.insert_session(new, "")
    await store.insert_blocks([block(ONE, 0)])
    await store.update_session(running)
    await store.insert_blocks([block(ONE, 1)])
    await store.update_session(end)
    assert await take(feed, 5) == [
        SessionChanged(new),
        BlockStored(block(ONE, 0)),
        SessionChanged(running),
        BlockStored(block(ONE, 1)),
        SessionChanged(end),
    ]


async def test_an_update_that_was_not_made_is_not_told(store: PacketStore, feed: Feed) -> None:
    new = capture(0)
    await store.insert_session(new, "")
    await watching(feed, ONE)
    end = ended(new, 9)
    await store.update_session(end)
    await store.update_session(new)
    await store.insert_blocks([block(ONE, 0)])
    assert await take(feed, 2) == [SessionChanged(end), BlockStored(block(ONE, 0))]


async def test_a_removed_session_is_told(store: PacketStore, feed: Feed) -> None:
    await store.insert_session(capture(0), "")
    await store.insert_blocks(blocks(ONE, range(2)))
    await watching(feed, ONE)
    await store.delete_blocks(ONE)
    await store.delete_session(ONE)
    await store.delete_session(ONE)
    await store.insert_session(capture(0), "")
    first, second = await take(feed, 2)
    assert first == SessionRemoved(ONE)
    assert isinstance(second, SessionChanged)


async def test_a_session_watched_later_is_carried_from_then_on(
    store: PacketStore, feed: Feed
) -> None:
    changes = await watching(feed, ONE)
    await store.insert_blocks([block(ONE, 0), block(TWO, 0)])
    changes += await watching(feed, ONE, TWO)
    await store.insert_blocks([block(TWO, 1), block(ONE, 1)])
    while BlockStored(block(ONE, 1)) not in changes:
        changes += await take(feed, 1)
    assert [one for one in changes if _session(one) == ONE] == [
        BlockStored(block(ONE, 0)),
        BlockStored(block(ONE, 1)),
    ]
    assert BlockStored(block(TWO, 1)) in changes


async def test_nothing_is_lost_or_doubled_while_the_watch_set_changes(
    store: PacketStore, feed: Feed
) -> None:
    await watching(feed, ONE)
    everything = blocks(ONE, range(60))

    async def write() -> None:
        for one in everything:
            await store.insert_blocks([one])

    async def change_the_set() -> None:
        while not writing.done():
            feed.watch([ONE, TWO] if TWO not in feed.watching else [ONE])
            await asyncio.sleep(0.02)

    writing = asyncio.create_task(write())
    changing = asyncio.create_task(change_the_set())
    assert await take(feed, 60) == [BlockStored(one) for one in everything]
    await asyncio.gather(writing, changing)


async def test_a_session_no_longer_watched_is_left_out(store: PacketStore, feed: Feed) -> None:
    await watching(feed, ONE, TWO)
    await watching(feed, TWO)
    await store.insert_blocks([block(ONE, 0), block(TWO, 0)])
    assert await take(feed, 1) == [BlockStored(block(TWO, 0))]


async def test_a_feed_can_rest_and_go_on(store: PacketStore, feed: Feed) -> None:
    await watching(feed, ONE)
    await watching(feed)
    await store.insert_blocks([block(ONE, 0)])
    await watching(feed, ONE)
    await store.insert_blocks([block(ONE, 1)])
    assert (await take(feed, 1))[-1] == BlockStored(block(ONE, 1))


async def test_changes_return_empty_when_nothing_happens(store: PacketStore, feed: Feed) -> None:
    await watching(feed, ONE)
    async with asyncio.timeout(30):
        assert await feed.changes() == []


@pytest.mark.parametrize("sessions", [(), (ONE,)])
async def test_closing_ends_a_read_under_way(
    store: PacketStore, feed: Feed, sessions: tuple[str, ...]
) -> None:
    await watching(feed, *sessions)
    reading = asyncio.create_task(_read(feed))
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await feed.close()
        assert await reading == []
    assert await feed.changes() == []


async def test_two_feeds_each_carry_everything(store: PacketStore, feed: Feed) -> None:
    other = store.feed()
    await watching(feed, ONE)
    await watching(other, ONE)
    await store.insert_blocks(blocks(ONE, range(3)))
    assert await take(feed, 3) == await take(other, 3)
    await other.close()


async def _read(feed: Feed) -> list[Change]:
    return list(await feed.changes())


def _session(change: Change) -> str:
    assert isinstance(change, BlockStored)
    return change.block.session
