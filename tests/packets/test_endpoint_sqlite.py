"""The SQLite endpoint's own: its file, its feed's bound, its threads."""

import asyncio
import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest
from blockbuster import BlockBuster

from services.packets.endpoints.port import BlockStored, HistoryLost
from services.packets.endpoints.sqlite import SqliteStore
from services.packets.endpoints.sqlite_feed import SqliteFeed
from services.packets.endpoints.sqlite_file import open_file
from services.runtime.errors import BadSetting, StoreUnavailable
from tests.support.captures import block, blocks, capture, session_at

SESSION = session_at(0)


async def test_what_was_stored_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "packets.db"
    store = SqliteStore(await open_file(path))
    new = capture(0)
    await store.insert_session(new, "")
    await store.insert_blocks(blocks(SESSION, range(3)))
    await store.close()
    store = SqliteStore(await open_file(path))
    assert await store.session(SESSION) == new
    assert await store.read_blocks(SESSION, 0) == blocks(SESSION, range(3))
    await store.close()


async def test_packets_are_nobody_elses_to_read(tmp_path: Path) -> None:
    path = tmp_path / "data" / "packets.db"
    store = SqliteStore(await open_file(path))
    await store.insert_blocks([block(SESSION, 0)])
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    await store.close()


async def test_a_file_that_is_no_database_is_refused_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "packets.db"
    path.write_bytes(b"this was never a database" * 1000)
    for _ in range(2):
        with pytest.raises(BadSetting, match=r"CAPFLOW_ENDPOINTS.*packets\.db.*not a database"):
            await open_file(path)


async def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "packets.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(BadSetting, match="newer Capflow"):
        await open_file(path)


@pytest.mark.parametrize("place", ["file/packets.db", "folder", "/proc/packets.db"])
async def test_a_place_that_cannot_hold_a_file_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(BadSetting, match=r"CAPFLOW_ENDPOINTS.*cannot be opened"):
        await open_file(tmp_path / place)


async def test_a_file_in_use_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "packets.db"
    first = await open_file(path)
    with pytest.raises(BadSetting, match=r"packets\.db is in use by another process"):
        await open_file(path)
    await first.close()
    await (await open_file(path)).close()


async def test_a_file_that_was_spoilt_meanwhile_is_away(tmp_path: Path) -> None:
    path = tmp_path / "packets.db"
    store = SqliteStore(await open_file(path))
    await store.insert_blocks(blocks(SESSION, range(3)))
    await store.close()
    content = bytearray(path.read_bytes())
    content[16_384:] = b"\xff" * (len(content) - 16_384)
    path.write_bytes(content)
    store = SqliteStore(await open_file(path))
    with pytest.raises(StoreUnavailable, match=r"packets\.db"):
        await store.read_blocks(SESSION, 0)
    with pytest.raises(StoreUnavailable, match=r"packets\.db"):
        await store.insert_blocks([block(SESSION, 4)])
    await store.close()


async def test_a_full_disk_is_away_and_later_fine(tmp_path: Path) -> None:
    file = await open_file(tmp_path / "packets.db")
    store = SqliteStore(file)
    await file.write(lambda db: db.execute("PRAGMA max_page_count = 30").fetchone())
    with pytest.raises(StoreUnavailable, match="full"):
        await store.insert_blocks(blocks(SESSION, range(20_000)))
    await file.write(lambda db: db.execute("PRAGMA max_page_count = 1000000").fetchone())
    await store.insert_blocks(blocks(SESSION, range(5)))
    assert (await store.stored(SESSION)).blocks == 5
    await store.close()


async def test_a_slow_reader_of_the_feed_is_told_that_it_lost_changes(tmp_path: Path) -> None:
    feed = SqliteFeed(max_waiting_bytes=500)
    feed.watch([SESSION])
    for one in blocks(SESSION, range(22)):
        feed.offer(BlockStored(one))
    changes = await feed.changes()
    assert changes[0] == HistoryLost()
    assert 1 < len(changes) < 22
    assert changes[-1] == BlockStored(block(SESSION, 21))
    assert feed.overflows > 0
    feed.offer(BlockStored(block(SESSION, 22)))
    assert await feed.changes() == [BlockStored(block(SESSION, 22))]


async def test_what_cancelled_writers_stored_is_told_to_the_feed(tmp_path: Path) -> None:
    store = SqliteStore(await open_file(tmp_path / "packets.db"))
    feed = store.feed()
    feed.watch([SESSION])
    for one in blocks(SESSION, range(30)):
        writing = asyncio.create_task(store.insert_blocks([one]))
        await asyncio.sleep(0)
        writing.cancel()
    last = BlockStored(block(SESSION, 30))
    await store.insert_blocks([last.block])
    told = list(await feed.changes())
    while last not in told:
        told += await feed.changes()
    stored = await store.read_blocks(SESSION, 0, limit=50)
    assert told == [BlockStored(one) for one in stored]
    assert len(stored) > 1
    await store.close()


async def test_the_event_loop_is_never_blocked(tmp_path: Path) -> None:
    guard: Any = BlockBuster()
    guard.activate()
    try:
        store = SqliteStore(await open_file(tmp_path / "packets.db"))
        feed = store.feed()
        feed.watch([SESSION])
        await store.insert_session(capture(0), "")
        await store.insert_blocks(blocks(SESSION, range(30)))
        await feed.changes()
        await store.read_blocks(SESSION, 0)
        await store.delete_blocks(SESSION)
        await store.close()
    finally:
        guard.deactivate()
