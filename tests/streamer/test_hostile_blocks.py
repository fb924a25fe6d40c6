"""Blocks that no agent of ours writes, in the real store: a hole, and nobody is hurt by it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from pymongo import MongoClient

from contracts.topology import BLOCKS
from services.packets.endpoints.documents import block_document
from services.packets.endpoints.opening import open_endpoints
from services.packets.endpoints.setting import parse_endpoints
from services.runtime.redis import open_tasks
from tests.streamer.play import Play
from tests.streamer.stage import Stage
from tests.streamer.test_slow_viewers import metric
from tests.support.wait import until

HOSTILE: dict[str, dict[str, object]] = {
    "a jump": {"first": 10**9 + 30},
    "a negative count": {"count": -10},
    "15 MB": {"data": bytes(15 << 20)},
}


@pytest.fixture
async def servers(mongo_url: str, tasks_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    """A stage on the real servers."""
    endpoints = await open_endpoints(parse_endpoints(f"main={mongo_url}"))
    async with Stage(open_tasks(tasks_url), endpoints, tmp_path).lit() as stage:
        yield stage


@pytest.mark.parametrize("watched", [True, False], ids=["watched", "before anybody watches"])
@pytest.mark.parametrize("changes", HOSTILE.values(), ids=list(HOSTILE))
async def test_a_hostile_block_is_a_hole_for_those_who_read_it_and_nothing_to_who_comes(
    servers: Stage, mongo_url: str, changes: dict[str, object], watched: bool
) -> None:
    play = await servers.play()
    streamer = await servers.streamer()
    with structlog.testing.capture_logs() as lines:
        async with streamer.viewer(play) as viewer, streamer.viewer(play) as later:
            if watched:
                await viewer.watch(format="pcapng")
            await play.packets(10)
            _put(mongo_url, play, changes)
            await play.packets(10)
            if not watched:
                await viewer.watch(**{"from": "beginning", "format": "pcapng"})
            await viewer.till(lambda: viewer.next == 30)
            assert await later.watch(format="pcapng") == 30
            await play.packets(10)
            await play.end()
            assert (await viewer.end())["next"] == (await later.end())["next"] == 40
    assert viewer.numbers == [*range(10), *range(20, 40)]
    assert viewer.told == {"unknown": 10}
    assert later.numbers == list(range(30, 40))
    assert not later.told
    assert any("set aside" in line["event"] for line in lines)
    await until(lambda: metric(streamer, 'documents_set_aside{endpoint="main"}', 1))


def _put(mongo_url: str, play: Play, changes: dict[str, object]) -> None:
    """Store the next block, changed, past all that would refuse it."""
    hostile = block_document(play.make(10), datetime.now(UTC)) | changes
    with MongoClient[dict[str, Any]](mongo_url, timeoutMS=10_000) as client:
        blocks = client.get_default_database()[BLOCKS]
        blocks.insert_one(hostile, bypass_document_validation=True)
