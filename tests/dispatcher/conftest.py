"""Dispatchers on nothing but this process, and on the real servers."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.dispatcher.arena import Arena, arena


@pytest.fixture
async def embedded(tmp_path: Path) -> AsyncIterator[Arena]:
    """An arena in this process."""
    async with arena(tmp_path) as made:
        yield made
        await _every_key_expires(made)


@pytest.fixture(params=["embedded", "servers"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Arena]:
    """An arena in this process, and one on RabbitMQ, Redis and MongoDB."""
    async with arena(tmp_path, **_addresses(request)) as made:
        yield made
        await _every_key_expires(made)


@pytest.fixture
async def servers(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Arena]:
    """An arena on RabbitMQ, Redis and MongoDB."""
    urls = ("bus_url", "tasks_url", "mongo_url")
    bus, tasks, mongo = (request.getfixturevalue(name) for name in urls)
    async with arena(tmp_path, bus_url=bus, tasks_url=tasks, endpoints=f"main={mongo}") as made:
        yield made


def _addresses(request: pytest.FixtureRequest) -> dict[str, str]:
    if request.param == "embedded":
        return {}
    return {
        "bus_url": request.getfixturevalue("bus_url"),
        "tasks_url": request.getfixturevalue("tasks_url"),
        "endpoints": f"main={request.getfixturevalue('mongo_url')}",
    }


async def _every_key_expires(made: Arena) -> None:
    for_ever = [key async for key in made.tasks.scan_iter() if await made.tasks.ttl(key) == -1]
    assert not for_ever, f"keys without a TTL: {for_ever}"
