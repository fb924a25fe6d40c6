"""A stage on nothing but this process, and on a real Redis and MongoDB."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.packets.endpoints.opening import Endpoints, open_endpoints
from services.packets.endpoints.setting import parse_endpoints
from services.runtime.redis import open_tasks
from tests.streamer.stage import Stage


@pytest.fixture
async def embedded(tmp_path: Path) -> AsyncIterator[Stage]:
    """A stage on Redis commands in this process and SQLite."""
    async with Stage(open_tasks("memory://"), await _sqlite(tmp_path), tmp_path).lit() as stage:
        yield stage


@pytest.fixture(params=["embedded", "servers"])
async def stage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stage]:
    """A stage of each kind."""
    if request.param == "embedded":
        tasks, endpoints = open_tasks("memory://"), await _sqlite(tmp_path)
    else:
        tasks = open_tasks(request.getfixturevalue("tasks_url"))
        address = f"main={request.getfixturevalue('mongo_url')}"
        endpoints = await open_endpoints(parse_endpoints(address))
    async with Stage(tasks, endpoints, tmp_path).lit() as made:
        yield made


async def _sqlite(folder: Path) -> Endpoints:
    return await open_endpoints(parse_endpoints(f"main=sqlite://{folder}/packets.db"))
