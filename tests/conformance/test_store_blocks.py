"""What every packet store does with blocks."""

import asyncio
from dataclasses import replace

import pytest

from contracts.block import MAX_BLOCK_BYTES
from services.packets.endpoints.plausible import MAX_JUMP
from services.packets.endpoints.port import BlockRefused, PacketStore, Stored
from tests.support.captures import block, blocks, capture, session_at

SESSION = session_at(0)


async def test_blocks_come_back_as_they_went_in(store: PacketStore) -> None:
    stored = blocks(SESSION, range(3))
    await store.insert_blocks(stored)
    assert await store.read_blocks(SESSION, 0) == stored


async def test_nothing_to_insert_is_no_error(store: PacketStore) -> None:
    await store.insert_blocks([])
    assert await store.stored(SESSION) == Stored()


async def test_a_block_that_is_there_already_is_success_and_stays_as_it_was(
    store: PacketStore,
) -> None:
    first = block(SESSION, 0)
    await store.insert_blocks([first])
    await store.insert_blocks([replace(first, data=b"something else")])
    assert await store.read_blocks(SESSION, 0) == [first]


async def test_what_follows_a_block_that_is_there_already_is_stored(store: PacketStore) -> None:
    everything = blocks(SESSION, range(6))
    await store.insert_blocks([everything[1], everything[4]])
    await store.insert_blocks(everything)
    await store.insert_blocks(everything)
    assert await store.read_blocks(SESSION, 0) == everything
    assert (await store.stored(SESSION)).blocks == 6


async def test_the_order_of_insertion_does_not_change_the_order_of_reading(
    store: PacketStore,
) -> None:
    everything = blocks(SESSION, range(12))
    await store.insert_blocks(everything[::-1])
    assert await store.read_blocks(SESSION, 0, limit=100) == everything


async def test_reading_begins_at_a_number_and_ends_below_another(store: PacketStore) -> None:
    everything = blocks(SESSION, range(20))
    await store.insert_blocks(everything)
    assert await store.read_blocks(SESSION, 3, limit=4) == everything[3:7]
    assert await store.read_blocks(SESSION, 3, below=5) == everything[3:5]
    assert await store.read_blocks(SESSION, 18) == everything[18:]
    assert await store.read_blocks(SESSION, 5, below=5) == []
    assert await store.read_blocks(SESSION, 20) == []


async def test_a_session_whose_name_begins_alike_is_not_mixed_in(store: PacketStore) -> None:
    other = session_at(0, service="http-2")
    await store.insert_blocks([*blocks(SESSION, range(2)), *blocks(other, range(2))])
    assert await store.read_blocks(SESSION, 0) == blocks(SESSION, range(2))
    await store.delete_blocks(SESSION)
    assert await store.read_blocks(other, 0) == blocks(other, range(2))


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0, 0), (9, 0), (10, 1), (19, 1), (20, 2), (25, 2), (29, 2), (30, 2), (39, 2), (40, None)],
)
async def test_a_packet_is_found_in_its_block_or_the_next_one(
    store: PacketStore, number: int, expected: int | None
) -> None:
    """Packets 20 to 29 were lost before block 2."""
    await store.insert_blocks([*blocks(SESSION, range(2)), block(SESSION, 2, first=30)])
    found = await store.block_with(SESSION, number)
    assert (found.block if found else None) == expected


async def test_a_packet_of_a_session_without_blocks_is_nowhere(store: PacketStore) -> None:
    await store.insert_blocks(blocks(SESSION, range(2)))
    assert await store.block_with(session_at(1), 0) is None


async def test_a_packet_number_beyond_all_bounds_is_nowhere(store: PacketStore) -> None:
    await store.insert_blocks(blocks(SESSION, range(2)))
    assert await store.block_with(SESSION, 2**62) is None


async def test_what_is_stored_is_summed_up(store: PacketStore) -> None:
    await store.insert_blocks([block(SESSION, 0), block(SESSION, 1, first=25)])
    assert await store.stored(SESSION) == Stored(packets=20, blocks=2, bytes=200, next=35)
    assert await store.stored(session_at(1)) == Stored()


async def test_deleted_blocks_are_gone_however_many(store: PacketStore) -> None:
    await store.insert_blocks(blocks(SESSION, range(150)))
    await store.delete_blocks(SESSION)
    assert await store.stored(SESSION) == Stored()
    assert await store.read_blocks(SESSION, 0) == []
    await store.delete_blocks(SESSION)


async def test_sessions_with_blocks_are_listed_in_order_recorded_or_not(
    store: PacketStore,
) -> None:
    assert await store.sessions_stored("", 10) == []
    recorded = capture(3)
    await store.insert_session(recorded, "")
    await store.insert_session(capture(9), "")
    names = [session_at(second) for second in (0, 1, 3)] + [session_at(1, service="http-2")]
    for name in names:
        await store.insert_blocks(blocks(name, range(3)))
    listed = await store.sessions_stored("", 10)
    assert listed == sorted(names)
    for limit in (1, 3):
        assert await store.sessions_stored("", limit) == listed[:limit]
    for at, name in enumerate(listed):
        assert await store.sessions_stored(name, 2) == listed[at + 1 : at + 3]
    await store.delete_blocks(listed[1])
    assert await store.sessions_stored(listed[0], 10) == listed[2:]


async def test_a_full_block_is_stored(store: PacketStore) -> None:
    full = replace(block(SESSION, 0), data=bytes(MAX_BLOCK_BYTES))
    await store.insert_blocks([full])
    assert await store.read_blocks(SESSION, 0) == [full]


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"data": bytes(MAX_BLOCK_BYTES + 1)}, id="data"),
        {"count": 0},
        {"count": -1},
        {"count": 10**9},
        {"block": -1},
        {"block": 10**10},
        {"first": -1},
        {"first": 2**53},
        {"dropped": -1},
        {"last_ts": 2**63},
    ],
    ids=str,
)
async def test_a_block_that_can_never_be_stored_is_named_in_the_refusal(
    store: PacketStore, wrong: dict[str, int]
) -> None:
    bad = replace(block(SESSION, 1), **wrong)  # type: ignore[arg-type]
    with pytest.raises(BlockRefused) as refused:
        await store.insert_blocks([block(SESSION, 0), bad, block(SESSION, 2)])
    assert refused.value.block is bad
    await store.insert_blocks([block(SESSION, 0), block(SESSION, 2)])
    assert (await store.stored(SESSION)).blocks == 2


async def test_a_jump_just_short_of_the_unbelievable_is_stored(store: PacketStore) -> None:
    far = block(SESSION, 1, first=10 + MAX_JUMP - 1)
    await store.insert_blocks([block(SESSION, 0), far])
    assert await store.read_blocks(SESSION, 0) == [block(SESSION, 0), far]


async def test_many_write_and_read_at_once(store: PacketStore) -> None:
    sessions = [session_at(second) for second in range(8)]

    async def write(session: str) -> None:
        for number in range(0, 20, 4):
            await store.insert_blocks(blocks(session, range(number, number + 4)))

    await asyncio.gather(*(write(session) for session in sessions))
    for session in sessions:
        assert await store.read_blocks(session, 0, limit=50) == blocks(session, range(20))


async def test_it_answers_a_ping(store: PacketStore) -> None:
    await store.ping()
    assert store.type in ("mongodb", "sqlite")
    assert store.set_aside == 0
