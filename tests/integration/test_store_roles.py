"""Each service's MongoDB user may do its own work, and nothing else."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from services.packets.endpoints.mongodb import MongoStore
from services.packets.endpoints.port import BlockStored, Feed
from services.runtime.errors import StoreUnavailable
from services.runtime.mongo import Mongo
from tests.servers.mongo import MongoServer
from tests.support.captures import block, capture, ended, session_at

ROLES = Path(__file__).parents[2] / "deploy" / "mongodb" / "roles.json"
SESSION = session_at(0)


class GuardedServer(MongoServer):
    """A mongod with access control, an administrator, and the shipped roles."""

    def command(self) -> list[str]:
        key = self.folder / "key"
        if not key.exists():
            key.write_text("0123456789abcdef")
            key.chmod(0o600)
        return [*super().command(), "--auth", "--keyFile", str(key)]

    def make_users(self) -> None:
        with MongoClient[dict[str, Any]](self.url, timeoutMS=10_000) as first:
            first.admin.command({"createUser": "admin", "pwd": "admin", "roles": ["root"]})
        with MongoClient[dict[str, Any]](self.url_of("admin", "admin"), timeoutMS=10_000) as admin:
            for role in json.loads(ROLES.read_text()):
                name = role["role"]
                admin.capflow.command({"createRole": name, **_without_name(role), "roles": []})
                admin.capflow.command({"createUser": name, "pwd": "secret", "roles": [name]})

    def url_of(self, user: str, password: str = "secret") -> str:
        database = "admin" if user == "admin" else "capflow"
        return f"mongodb://{user}:{password}@127.0.0.1:{self.port}/{database}?replicaSet=rs0"


def _without_name(role: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in role.items() if key != "role"}


@pytest.fixture(scope="module")
def guarded() -> Iterator[GuardedServer]:
    with GuardedServer() as server:
        server.make_users()
        yield server


@pytest.fixture
async def dispatcher(guarded: GuardedServer) -> AsyncIterator[MongoStore]:
    store = MongoStore(Mongo(guarded.url_of("capflow-dispatcher")))
    await store.prepare()
    yield store
    for one in await store.oldest_ended(100) + await store.open_sessions():
        await store.delete_blocks(one.session)
        await store.delete_session(one.session)
    await store.delete_blocks(SESSION)
    await store.close()


@pytest.fixture
async def agent(guarded: GuardedServer) -> AsyncIterator[MongoStore]:
    store = MongoStore(Mongo(guarded.url_of("capflow-agent")))
    yield store
    await store.close()


@pytest.fixture
async def streamer(guarded: GuardedServer) -> AsyncIterator[MongoStore]:
    store = MongoStore(Mongo(guarded.url_of("capflow-streamer")))
    yield store
    await store.close()


@pytest.fixture
async def gateway(guarded: GuardedServer) -> AsyncIterator[MongoStore]:
    store = MongoStore(Mongo(guarded.url_of("capflow-gateway")))
    yield store
    await store.close()


async def test_the_four_work_together(
    dispatcher: MongoStore, agent: MongoStore, streamer: MongoStore, gateway: MongoStore
) -> None:
    new = capture(0)
    feed, live = await watching(streamer), await watching(gateway)
    await dispatcher.insert_session(new, "")
    await agent.ping()
    await agent.insert_blocks([block(SESSION, 0)])
    await agent.insert_blocks([block(SESSION, 0), block(SESSION, 1)])
    await dispatcher.update_session(ended(new, 5))
    changes: list[object] = []
    while len(changes) < 4:
        changes += await feed.changes()
    assert changes[1:3] == [BlockStored(block(SESSION, 0)), BlockStored(block(SESSION, 1))]
    assert await live.changes()
    assert await streamer.read_blocks(SESSION, 0) == await gateway.read_blocks(SESSION, 0)
    assert (await dispatcher.stored(SESSION)).blocks == 2
    known = ended(new, 5).model_copy(update={"sha256": "0" * 64})
    assert await gateway.update_session(known, unless_ended=False, instead_of=ended(new, 5))
    await gateway.delete_blocks(SESSION)
    assert await gateway.delete_session(SESSION)
    await feed.close()
    await live.close()


async def watching(store: MongoStore) -> Feed:
    feed = store.feed()
    feed.watch([SESSION])
    while not feed.watching:
        await feed.changes()
    return feed


async def test_an_agent_reads_nothing(agent: MongoStore) -> None:
    with pytest.raises(StoreUnavailable, match="not authorized"):
        await agent.read_blocks(SESSION, 0)
    with pytest.raises(StoreUnavailable, match="not authorized"):
        await agent.session(SESSION)


FORBIDDEN: dict[str, list[dict[str, Any]]] = {
    "capflow-agent": [
        {"find": "blocks"},
        {"delete": "blocks", "deletes": [{"q": {}, "limit": 0}]},
        {"update": "blocks", "updates": [{"q": {}, "u": {"$set": {"x": 1}}}]},
        {"insert": "sessions", "documents": [{"_id": "x"}]},
        {"find": "sessions"},
        {"insert": "blocks", "documents": [{"_id": "x"}], "bypassDocumentValidation": True},
        {"collMod": "blocks", "validator": {}},
        {"drop": "blocks"},
        {"createIndexes": "blocks", "indexes": [{"key": {"x": 1}, "name": "x"}]},
        {"aggregate": 1, "pipeline": [{"$changeStream": {}}], "cursor": {}},
    ],
    "capflow-streamer": [
        {"insert": "blocks", "documents": [{"_id": "x"}]},
        {"delete": "sessions", "deletes": [{"q": {}, "limit": 0}]},
        {"update": "sessions", "updates": [{"q": {}, "u": {"$set": {"x": 1}}}]},
    ],
    "capflow-gateway": [
        {"insert": "blocks", "documents": [{"_id": "x"}]},
        {"update": "blocks", "updates": [{"q": {}, "u": {"$set": {"x": 1}}}]},
        {"insert": "sessions", "documents": [{"_id": "x"}]},
        {"drop": "sessions"},
    ],
    "capflow-dispatcher": [
        {"insert": "blocks", "documents": [{"_id": "x"}]},
        {"drop": "blocks"},
        {"dropDatabase": 1},
    ],
}


@pytest.mark.parametrize("user", FORBIDDEN)
def test_a_service_may_do_no_more_than_its_work(guarded: GuardedServer, user: str) -> None:
    with MongoClient[dict[str, Any]](guarded.url_of(user), timeoutMS=10_000) as client:
        for command in FORBIDDEN[user]:
            with pytest.raises(OperationFailure) as refused:
                client.capflow.command(command)
            assert refused.value.code == 13, command


def test_nobody_unknown_gets_in(guarded: GuardedServer) -> None:
    client = MongoClient[dict[str, Any]](guarded.url, timeoutMS=10_000)
    with client, pytest.raises(PyMongoError):
        client.capflow.blocks.find_one()


async def test_wrong_credentials_are_told_without_them(guarded: GuardedServer) -> None:
    store = MongoStore(Mongo(guarded.url_of("capflow-agent", "wrong-secret")))
    with pytest.raises(StoreUnavailable, match="Authentication failed") as away:
        await store.insert_blocks([block(SESSION, 0)])
    assert "wrong-secret" not in str(away.value)
    await store.close()
