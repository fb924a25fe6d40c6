"""Documents that no agent of ours writes: set aside and counted, and the feed lives."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import bson
import pytest
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient

from contracts.block import Block
from services.packets.endpoints.documents import block_document
from services.packets.endpoints.mongodb import MongoStore
from services.packets.endpoints.port import (
    BlockRefused,
    BlockStored,
    Change,
    HistoryLost,
    SessionChanged,
    Stored,
)
from services.runtime.mongo import Mongo
from tests.support.captures import block, capture, session_at

SESSION = session_at(0)
Document = dict[str, Any]


@pytest.fixture
async def store(mongo_url: str) -> AsyncIterator[MongoStore]:
    opened = MongoStore(Mongo(mongo_url))
    await opened.prepare()
    yield opened
    await opened.close()


@pytest.fixture
def database(mongo_url: str) -> Iterator[Any]:
    """The database as somebody may use it who is bound by none of its rules."""
    with MongoClient[Document](mongo_url, timeoutMS=10_000) as client:
        yield client.get_default_database()


def document(**changes: object) -> Document:
    """Block 1 of the session, changed."""
    return block_document(block(SESSION, 1), datetime.now(UTC)) | changes


def nested(depth: int) -> Document:
    return {"deeper": nested(depth - 1)} if depth else {}


def spoilt_text() -> bytes:
    """A document with a text that is not UTF-8, which the driver would never make."""
    return bson.encode(document(extra="?????")).replace(b"?????", b"\xff\xfe\x80\xc0\xff")


HOSTILE: dict[str, Document | bytes] = {
    "a jump": document(first=10**9 + 30),
    "a jump beyond all bounds": document(first=2**62),
    "a negative first": document(first=-1),
    "a negative count": document(count=-10),
    "a huge count": document(count=2**40),
    "15 MB": document(data=bytes(15 << 20)),
    "data over the bound": document(data=bytes((1 << 20) + 1)),
    "15 MB beside the data": document(extra="x" * (15 << 20)),
    "almost the server's bound": document(data=bytes((16 << 20) - 300)),
    "data as text": document(data="text"),
    "data as numbers": document(data=[1, 2, 3]),
    "no data": {key: value for key, value in document().items() if key != "data"},
    "count as text": document(count="10"),
    "count as a fraction": document(count=10.5),
    "count as a truth": document(count=True),
    "first as an object": document(first={"$gt": 0}),
    "another block's name": document(_id=f"{SESSION}#0000000009"),
    "a name that is none": document(_id=f"{SESSION}#x"),
    "sessions in a list": document(session=[SESSION, "x"]),
    "a time beyond the calendar": document(_id=f"{SESSION}#0000000001x", at=bson.DatetimeMS(2**62)),
    "nested a hundred deep": document(count=nested(100)),
    "many fields": document(count={f"f{n}": n for n in range(50_000)}),
}


def put(database: Any, hostile: Document | bytes) -> None:
    given = RawBSONDocument(hostile) if isinstance(hostile, bytes) else hostile
    blocks = database.get_collection("blocks")
    blocks.insert_one(given, bypass_document_validation=True)


async def changes_until(feed: Any, last: Change) -> list[Change]:
    changes: list[Change] = []
    while last not in changes:
        changes += await feed.changes()
    return changes


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_block_is_set_aside_and_the_feed_lives(
    store: MongoStore, database: Any, name: str
) -> None:
    feed = store.feed()
    feed.watch([SESSION])
    while not feed.watching:
        await feed.changes()
    await store.insert_blocks([block(SESSION, 0)])
    put(database, HOSTILE[name])
    await store.insert_blocks([block(SESSION, 2)])
    changes = await changes_until(feed, BlockStored(block(SESSION, 2)))
    assert changes == [BlockStored(block(SESSION, 0)), BlockStored(block(SESSION, 2))]
    assert store.set_aside == 1
    await feed.close()


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_block_does_not_spoil_what_is_read(
    store: MongoStore, database: Any, name: str
) -> None:
    honest = [block(SESSION, 0), block(SESSION, 2)]
    await store.insert_blocks(honest)
    put(database, HOSTILE[name])
    assert await store.read_blocks(SESSION, 0) == honest
    assert await store.block_with(SESSION, 5) == honest[0]
    stored = await store.stored(SESSION)
    assert stored.blocks >= 2
    assert stored.next == honest[-1].next


async def test_a_last_block_that_jumps_counts_when_another_follows_on_it(
    store: MongoStore, database: Any
) -> None:
    await store.insert_blocks([block(SESSION, 0)])
    put(database, document(first=10**9 + 10))
    put(database, document(_id=f"{SESSION}#0000000002", first=2 * 10**9 + 20))
    assert await store.stored(SESSION) == Stored(packets=10, blocks=1, bytes=100, next=10)
    put(database, document(_id=f"{SESSION}#0000000003", first=2 * 10**9 + 30))
    assert (await store.stored(SESSION)).next == 2 * 10**9 + 40


async def test_what_cannot_harm_is_taken_though_it_is_odd(store: MongoStore, database: Any) -> None:
    await store.insert_blocks([block(SESSION, 0)])
    put(database, spoilt_text())
    assert await store.read_blocks(SESSION, 0) == [block(SESSION, 0), block(SESSION, 1)]


async def test_reading_goes_on_beyond_a_page_of_hostile_blocks(
    store: MongoStore, database: Any
) -> None:
    for number in range(10):
        put(database, document(_id=f"{SESSION}#{number:010d}", count=-1))
    await store.insert_blocks([block(SESSION, 11)])
    assert await store.read_blocks(SESSION, 0, limit=4) == [block(SESSION, 11)]
    assert store.set_aside == 10


@pytest.mark.parametrize(
    "name", ["15 MB", "a negative count", "data as text", "a name that is none"]
)
async def test_the_server_itself_refuses_what_is_no_block(
    store: MongoStore, database: Any, name: str
) -> None:
    with pytest.raises(Exception, match="failed validation"):
        database.blocks.insert_one(HOSTILE[name])


async def test_a_block_that_the_server_refuses_is_named(store: MongoStore) -> None:
    bad = replace(block(SESSION, 1), session="Not.A.Session")
    with pytest.raises(BlockRefused, match="failed validation") as refused:
        await store.insert_blocks([block(SESSION, 0), bad, block(SESSION, 2)])
    assert refused.value.block is bad
    assert await store.read_blocks(SESSION, 0) == [block(SESSION, 0)]


async def test_a_record_that_is_none_is_set_aside(store: MongoStore, database: Any) -> None:
    feed = store.feed()
    feed.watch([SESSION, session_at(1)])
    while not feed.watching:
        await feed.changes()
    bad = {"_id": SESSION, "task_id": "x", "state": "dreaming", "requested_at": datetime.now(UTC)}
    database.sessions.insert_one(bad)
    good = capture(1)
    await store.insert_session(good, "")
    assert await changes_until(feed, SessionChanged(good)) == [SessionChanged(good)]
    assert await store.open_sessions() == [good]
    assert await store.session(SESSION) is None
    assert store.set_aside == 3
    await feed.close()


async def test_a_dropped_database_is_told_as_lost_changes(store: MongoStore, database: Any) -> None:
    feed = store.feed()
    feed.watch([SESSION])
    while not feed.watching:
        await feed.changes()
    database.client.drop_database(database.name)
    await changes_until(feed, HistoryLost())
    after: Block = block(SESSION, 0)
    await store.insert_blocks([after])
    await changes_until(feed, BlockStored(after))
    await feed.close()
