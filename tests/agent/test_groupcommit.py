"""Inserts that captures share: together where they can be, and each with an outcome of its own."""

import asyncio
from collections.abc import Sequence

import pytest

from contracts.block import Block
from services.agent.groupcommit import GroupCommit
from services.packets.endpoints.port import BlockRefused
from services.runtime.errors import StoreUnavailable


def block(session: str, number: int, size: int = 10) -> Block:
    return Block(session, number, number, 1, 1, 1, size, 0, bytes(size))


class Store:
    """Remembers each insert; refuses blocks of the session `bad`."""

    def __init__(self) -> None:
        self.inserts: list[list[str]] = []
        self.away = False

    async def insert_blocks(self, blocks: Sequence[Block]) -> None:
        self.inserts.append([one.session for one in blocks])
        await asyncio.sleep(0)
        if self.away:
            raise StoreUnavailable("away")
        for one in blocks:
            if one.session == "bad":
                raise BlockRefused(one, "too large")


async def _all(group: GroupCommit, *blocks: Block) -> list[BaseException | None]:
    calls = [group.insert_blocks([one]) for one in blocks]
    return list(await asyncio.gather(*calls, return_exceptions=True))


async def test_what_comes_while_an_insert_is_under_way_goes_together() -> None:
    store = Store()
    names = [f"s{number}" for number in range(20)]
    assert await _all(GroupCommit(store), *(block(name, 0) for name in names)) == [None] * 20
    assert sorted(name for insert in store.inserts for name in insert) == sorted(names)
    assert len(store.inserts) <= 3


async def test_blocks_of_one_capture_stay_in_their_order() -> None:
    store = Store()
    group = GroupCommit(store)

    async def capture(name: str) -> None:
        for number in range(5):
            await group.insert_blocks([block(name, 2 * number), block(name, 2 * number + 1)])

    taken: list[str] = []
    insert = store.insert_blocks

    async def remember(blocks: Sequence[Block]) -> None:
        taken.extend(one.id for one in blocks)
        await insert(blocks)

    store.insert_blocks = remember  # type: ignore[method-assign]
    await asyncio.gather(*map(capture, "abc"))
    for name in "abc":
        own = [id for id in taken if id.startswith(name)]
        assert own == sorted(own)
        assert len(own) == 10


async def test_a_refused_block_spoils_nobody_elses() -> None:
    store = Store()
    outcomes = await _all(
        GroupCommit(store), block("a", 0), block("b", 0), block("bad", 0), block("c", 0)
    )
    assert [type(outcome) for outcome in outcomes] == [
        type(None), type(None), BlockRefused, type(None)
    ]  # fmt: skip


async def test_while_the_store_is_away_each_is_told_and_may_try_again() -> None:
    store = Store()
    store.away = True
    group = GroupCommit(store)
    outcomes = await _all(group, block("a", 0), block("b", 0), block("c", 0))
    assert all(isinstance(outcome, StoreUnavailable) for outcome in outcomes)
    store.away = False
    assert await _all(group, block("a", 0), block("b", 0)) == [None, None]


async def test_an_insert_is_no_larger_than_a_bulk_of_full_blocks() -> None:
    store = Store()
    full = [block(f"s{number}", 0, 1 << 20) for number in range(24)]
    assert await _all(GroupCommit(store), *full) == [None] * 24
    assert max(map(len, store.inserts)) <= 8


async def test_what_is_given_up_is_not_stored_and_holds_up_nobody() -> None:
    store = Store()
    group = GroupCommit(store)
    calls = [asyncio.create_task(group.insert_blocks([block(name, 0)])) for name in "abcd"]
    await asyncio.sleep(0)
    calls[3].cancel()
    await asyncio.gather(*calls[:3])
    with pytest.raises(asyncio.CancelledError):
        await calls[3]
    await group.insert_blocks([block("a", 1)])
    assert "d" not in [name for insert in store.inserts for name in insert]
