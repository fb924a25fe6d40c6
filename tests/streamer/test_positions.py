"""Positions that no packet can have: refused, and nothing is read for them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from contracts.topology import BLOCKS, SESSIONS
from services.packets.endpoints.opening import open_endpoints
from services.packets.endpoints.setting import parse_endpoints
from services.runtime.redis import open_tasks
from services.streamer.pages import PAGE
from tests.streamer.stage import Stage
from tests.support.wait import until

BLOCKS_STORED = 10 * PAGE
AHEAD = BLOCKS_STORED + 1
"""Not much beyond the end: another streamer might have sent it already."""
IMPOSSIBLE = [-(2**63), -1, 2**31, 2**53, 2**63 - 1, 2**63, 2**64, 10**300]
Document = dict[str, Any]


class Profile:
    """What a MongoDB database was asked, in the words of its own profiler."""

    def __init__(self, database: Database[Document]) -> None:
        self._database = database

    def reads(self) -> list[Document]:
        """Every query for blocks or records so far; what the change stream reads is none."""
        names = [f"{self._database.name}.{name}" for name in (BLOCKS, SESSIONS)]
        asked = {"ns": {"$in": names}, "nreturned": {"$exists": True}}
        found = self._database["system.profile"].find(asked)
        return [each for each in found if "$changeStream" not in str(each)]


@pytest.fixture
def profile(mongo_url: str) -> Iterator[Profile]:
    """The profile of the test's database, which holds every operation."""
    with _profiled(mongo_url) as database:
        yield Profile(database)


@contextmanager
def _profiled(url: str) -> Iterator[Database[Document]]:
    with MongoClient[Document](url, timeoutMS=5000) as client:
        database = client.get_default_database()
        database.command("profile", 2)
        yield database
        database.command("profile", 0)


@pytest.mark.parametrize("position", [AHEAD, *IMPOSSIBLE])
async def test_a_position_that_no_packet_can_have_is_refused_and_another_may_follow(
    embedded: Stage, position: int
) -> None:
    play = await embedded.play()
    await play.packets(10)
    async with (await embedded.streamer()).viewer(play) as viewer:
        await viewer.enter()
        await viewer.send(type="start", **{"from": position})
        assert (await viewer.until("error"))["code"] == "bad-position"
        assert await viewer.start(**{"from": 10}) == 10


async def test_positions_refused_read_nothing_and_the_others_read_little(
    mongo_url: str, tasks_url: str, profile: Profile, tmp_path: Path
) -> None:
    endpoints = await open_endpoints(parse_endpoints(f"main={mongo_url}"))
    async with Stage(open_tasks(tasks_url), endpoints, tmp_path).lit() as stage:
        play = await stage.play()
        await play.packets(1, blocks=BLOCKS_STORED)
        async with (await stage.streamer()).viewer(play) as viewer:
            await viewer.enter()
            # Whoever opens a session makes its streamer look how far it is, and once more when
            # its feed carries the session. These reads come whatever position is asked for.
            await until(lambda: sum(map(_reads_on, profile.reads())) == 1, every=0.05)
            opened = len(profile.reads())
            for position in [AHEAD, *IMPOSSIBLE * 11]:
                await viewer.send(type="start", **{"from": position})
                assert (await viewer.until("error"))["code"] == "bad-position"
            assert len(profile.reads()) == opened
            assert await viewer.start(**{"from": BLOCKS_STORED // 2}) == BLOCKS_STORED // 2
            await viewer.till(lambda: viewer.next == BLOCKS_STORED)
        reads = profile.reads()
        assert len(reads) > opened, "a position that can be is looked for"
        assert max(each["docsExamined"] for each in reads) <= PAGE
        assert max(each["nreturned"] for each in reads) <= PAGE


def _reads_on(read: Document) -> bool:
    """Whether a read is the one that goes on from the newest block that is known."""
    return f"#{BLOCKS_STORED:010}" in str(read.get("command"))
