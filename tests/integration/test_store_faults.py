"""A MongoDB that is killed, frozen, steps down, forgets or was never a replica set."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest

from services.packets.endpoints.mongodb import MongoStore
from services.packets.endpoints.port import BlockStored, Change, HistoryLost, SessionChanged
from services.runtime.errors import BadSetting, StoreUnavailable
from services.runtime.mongo import Mongo
from tests.integration.harm import (
    SESSION,
    admin,
    fail,
    follow,
    read,
    roll_the_oplog_over,
    step_down,
    stop_failing,
    watched,
    write,
)
from tests.servers.mongo import MongoServer, StandaloneServer
from tests.support.captures import block, blocks, capture, ended, session_at
from tests.support.wait import until


@pytest.fixture(scope="module")
def server() -> Iterator[MongoServer]:
    """For the tests of this module alone."""
    with MongoServer() as running:
        yield running


@pytest.fixture
def mongod(server: MongoServer) -> Iterator[MongoServer]:
    """What a test may do anything to: afterwards it is well again."""
    yield server
    server.thaw()
    if not server.running:
        server.start()
    server.wait_ready()
    with server.client() as client:
        client.admin.command({"configureFailPoint": "failCommand", "mode": "off"})


@pytest.fixture
def url(mongod: MongoServer) -> str:
    """Its address, with a database that nobody has used."""
    return mongod.url.replace("/?", f"/test-{uuid4().hex[:12]}?")


@pytest.fixture
async def store(url: str) -> AsyncIterator[MongoStore]:
    opened = MongoStore(Mongo(url))
    await opened.prepare()
    yield opened
    await opened.close()


async def test_no_block_is_lost_or_doubled_when_mongod_is_killed(
    mongod: MongoServer, store: MongoStore
) -> None:
    everything = blocks(SESSION, range(800))
    new = capture(0)
    feed = await watched(store)

    failures: list[StoreUnavailable] = []

    async def write_and_end() -> None:
        await write(store, everything, failures)
        await store.insert_session(ended(new, 9), "")

    following = asyncio.create_task(
        follow(feed, lambda got: any(isinstance(one, SessionChanged) for one in got))
    )
    writing = asyncio.create_task(write_and_end())
    while (await store.stored(SESSION)).blocks < 100:
        await asyncio.sleep(0)
    await asyncio.to_thread(mongod.kill)
    await until(lambda: failures)
    await asyncio.to_thread(mongod.start)
    await writing
    changes = await following
    assert changes[:-1] == [BlockStored(one) for one in everything]
    assert await store.read_blocks(SESSION, 0, limit=1000) == everything
    await feed.close()


async def test_a_frozen_mongod_is_away_within_seconds_and_fine_afterwards(
    mongod: MongoServer, store: MongoStore
) -> None:
    feed = await watched(store)
    mongod.freeze()
    calls = {
        "insert": store.insert_blocks([block(SESSION, 0)]),
        "read": store.read_blocks(SESSION, 0),
        "ping": store.ping(),
        "list": store.open_sessions(),
        "feed": feed.changes(),
    }
    began = monotonic()
    results = await asyncio.gather(*calls.values(), return_exceptions=True)
    assert monotonic() - began < 20
    assert [type(one) for one in results] == [StoreUnavailable] * len(calls)
    mongod.thaw()
    await write(store, blocks(SESSION, range(3)))
    changes = await follow(feed, lambda got: len(got) >= 3)
    assert changes == [BlockStored(one) for one in blocks(SESSION, range(3))]
    await feed.close()


async def test_closing_does_not_hang_on_a_frozen_mongod(mongod: MongoServer, url: str) -> None:
    store = MongoStore(Mongo(url))
    await store.prepare()
    feed = await watched(store)
    reading = asyncio.create_task(read(feed))
    await asyncio.sleep(0.05)
    mongod.freeze()
    began = monotonic()
    await feed.close()
    with suppress(StoreUnavailable):
        await reading
    await store.close()
    assert monotonic() - began < 25
    mongod.thaw()


async def test_a_mongod_that_was_never_there_is_away(unused_port: int) -> None:
    store = MongoStore(Mongo(f"mongodb://somebody:secret@127.0.0.1:{unused_port}/capflow"))
    began = monotonic()
    with pytest.raises(StoreUnavailable) as away:
        await store.ping()
    assert monotonic() - began < 20
    assert f"127.0.0.1:{unused_port}/capflow" in str(away.value)
    assert "secret" not in str(away.value)
    await store.close()


async def test_lost_history_is_told_and_the_feed_goes_on() -> None:
    with MongoServer("--oplogSize", "8", "--syncdelay", "1") as server:
        store = MongoStore(Mongo(server.url))
        await store.prepare()
        feed = await watched(store)
        await store.insert_blocks([block(SESSION, 0)])
        assert await follow(feed, bool) == [BlockStored(block(SESSION, 0))]
        await roll_the_oplog_over(server)
        feed.watch([SESSION, session_at(1)])  # goes on from its last place, which is gone
        changes = await follow(feed, lambda got: HistoryLost() in got)
        assert changes == [HistoryLost()]
        await store.insert_blocks([block(SESSION, 1)])
        assert await follow(feed, bool) == [BlockStored(block(SESSION, 1))]
        await feed.close()
        await store.close()


@pytest.mark.parametrize(
    "failure",
    [
        {"errorCode": 10107},
        {"errorCode": 11602},
        {"errorCode": 189, "writeConcernError": {"code": 189, "errmsg": "stepped down"}},
        {"writeConcernError": {"code": 64, "errmsg": "waiting for replication timed out"}},
        {"closeConnection": True},
        {"errorCode": 13},
    ],
    ids=str,
)
async def test_a_failed_insert_is_away_and_comes_right_when_repeated(
    mongod: MongoServer, store: MongoStore, failure: dict[str, Any]
) -> None:
    everything = blocks(SESSION, range(8))
    with admin(mongod) as client:
        fail(client, failure, ["insert"], "alwaysOn")
        with pytest.raises(StoreUnavailable):
            await store.insert_blocks(everything)
        stop_failing(client)
    await store.insert_blocks(everything)
    assert await store.read_blocks(SESSION, 0) == everything
    assert (await store.stored(SESSION)).blocks == 8


@pytest.mark.parametrize(
    "failure",
    [{"errorCode": 43}, {"errorCode": 11602}, {"closeConnection": True}, {"errorCode": 280}],
    ids=str,
)
async def test_a_broken_change_stream_is_mended(
    mongod: MongoServer, store: MongoStore, failure: dict[str, Any]
) -> None:
    everything = blocks(SESSION, range(40))
    feed = await watched(store)
    with admin(mongod) as client:
        fail(client, failure, ["getMore"], {"times": 2})
        await store.insert_blocks(everything)
        changes = await follow(
            feed, lambda got: HistoryLost() in got or BlockStored(everything[-1]) in got
        )
        stop_failing(client)
    if HistoryLost() not in changes:
        assert changes == [BlockStored(one) for one in everything]
    else:
        assert failure == {"errorCode": 280}
    await store.insert_blocks([block(SESSION, 40)])
    await follow(feed, lambda got: BlockStored(block(SESSION, 40)) in got)
    await feed.close()


async def test_a_step_down_neither_loses_nor_doubles(
    mongod: MongoServer, store: MongoStore
) -> None:
    everything = blocks(SESSION, range(200))
    feed = await watched(store)
    following = asyncio.create_task(follow(feed, lambda got: len(got) >= len(everything)))
    writing = asyncio.create_task(write(store, everything))
    while (await store.stored(SESSION)).blocks < 20:
        await asyncio.sleep(0)
    await asyncio.to_thread(step_down, mongod)
    await writing
    assert await following == [BlockStored(one) for one in everything]
    await feed.close()


async def test_a_read_that_was_cancelled_loses_nothing(
    mongod: MongoServer, store: MongoStore
) -> None:
    """Nobody should cancel one, but a task group that fails does."""
    feed = await watched(store)
    everything = blocks(SESSION, range(30))
    changes: list[Change] = []
    for one in everything:
        reading = asyncio.create_task(read(feed))
        await store.insert_blocks([one])
        reading.cancel()
        with suppress(asyncio.CancelledError):
            changes += await reading
    changes += await follow(feed, lambda got: BlockStored(everything[-1]) in changes + got)
    assert changes == [BlockStored(one) for one in everything]
    await feed.close()


async def test_an_idle_read_makes_way_for_a_session_that_is_watched_now(
    store: MongoStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.runtime.change_stream._AWAIT_MS", 3_600_000)
    feed = store.feed()
    feed.watch([SESSION])
    assert await feed.changes() == []
    reading = asyncio.create_task(read(feed))
    await asyncio.sleep(0.1)  # long enough for the server to have the read, whichever comes first
    other = session_at(1)
    feed.watch([SESSION, other])
    assert await reading == [], "without it the read is given up as one of a server that is away"
    assert await feed.changes() == []
    assert feed.watching == {SESSION, other}
    await store.insert_blocks([block(other, 0)])
    assert await feed.changes() == [BlockStored(block(other, 0))]
    await feed.close()


async def test_a_standalone_mongod_is_refused_with_the_reason() -> None:
    with StandaloneServer() as server:
        store = MongoStore(Mongo(f"mongodb://127.0.0.1:{server.port}/capflow"))
        with pytest.raises(BadSetting, match="change streams need a replica set"):
            await store.prepare()
        feed = store.feed()
        feed.watch([SESSION])
        with pytest.raises(BadSetting, match="change streams need a replica set"):
            await feed.changes()
        await feed.close()
        await store.close()


@pytest.fixture
def unused_port() -> int:
    from tests.servers.ports import free_ports

    return free_ports(1)[0]
