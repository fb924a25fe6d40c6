"""Harm to a MongoDB, and a store that is written and followed meanwhile."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from pymongo import MongoClient

from contracts.block import Block
from services.packets.endpoints.mongodb import MongoStore
from services.packets.endpoints.port import Change, Feed
from services.runtime.errors import StoreUnavailable
from tests.servers.mongo import MongoServer
from tests.support.captures import session_at

SESSION = session_at(0)


async def write(
    store: MongoStore, everything: list[Block], failures: list[StoreUnavailable] | None = None
) -> None:
    """Store every block, again where it failed; every failure is kept."""
    rest = everything
    while rest:
        try:
            await store.insert_blocks(rest[:4])
            rest = rest[4:]
        except StoreUnavailable as error:
            if failures is not None:
                failures.append(error)
            await asyncio.sleep(0.05)


async def follow(feed: Feed, done: Callable[[list[Change]], bool]) -> list[Change]:
    """What the feed carries until `done`, over every time that the store is away."""
    changes: list[Change] = []
    async with asyncio.timeout(60):
        while not done(changes):
            with suppress(StoreUnavailable):
                changes += await feed.changes()
    return changes


async def watched(store: MongoStore) -> Feed:
    """A feed that carries the session."""
    feed = store.feed()
    feed.watch([SESSION])
    while not feed.watching:
        await feed.changes()
    return feed


def admin(server: MongoServer) -> MongoClient[dict[str, Any]]:
    """A client of our own, beside the store's."""
    return MongoClient(server.url, timeoutMS=10_000)


async def read(feed: Feed) -> list[Change]:
    """One read of a feed, as a coroutine that a task can be made of."""
    return list(await feed.changes())


def fail(
    client: MongoClient[dict[str, Any]], failure: dict[str, Any], commands: list[str], mode: Any
) -> None:
    """Let the store's `commands` fail from now on, as `mode` says."""
    client.admin.command(
        {
            "configureFailPoint": "failCommand",
            "mode": mode,
            "data": {"failCommands": commands, "appName": "capflow", **failure},
        }
    )


def stop_failing(client: MongoClient[dict[str, Any]]) -> None:
    """Let all commands come right again; they must have failed by now."""
    found = client.admin.command({"configureFailPoint": "failCommand", "mode": "off"})
    assert found["count"] > 0, "the failure never happened: nothing was tested"


def step_down(server: MongoServer) -> None:
    """Let the primary be none for two seconds."""
    with admin(server) as client:
        client.admin.command({"replSetStepDown": 2, "force": True})


async def roll_the_oplog_over(server: MongoServer) -> None:
    """Write until the oldest entry of the log is younger than our writing."""
    with admin(server) as client:
        oplog = client.local["oplog.rs"]
        last = next(oplog.find().sort("$natural", -1).limit(1))["ts"]
        while next(oplog.find().sort("$natural", 1).limit(1))["ts"] <= last:
            await asyncio.to_thread(client.other.filler.insert_one, {"data": bytes(1 << 20)})
