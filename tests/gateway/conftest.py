"""A gateway to ask: on nothing but this process, and on the real servers."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.gateway.world import World, settings, world


@pytest.fixture
async def embedded(tmp_path: Path) -> AsyncIterator[World]:
    """A gateway on memory and SQLite."""
    async with world(settings(tmp_path)) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """The same, once for all tests of a module that only ask."""
    async with world(settings(tmp_path_factory.mktemp("gateway"))) as made:
        yield made


@pytest.fixture(params=["embedded", "servers"])
async def gateway(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """A gateway on memory and SQLite, and one on RabbitMQ, Redis and MongoDB."""
    async with world(settings(tmp_path, **_addresses(request))) as made:
        yield made


def _addresses(request: pytest.FixtureRequest) -> dict[str, str]:
    if request.param == "embedded":
        return {}
    return {
        "bus_url": request.getfixturevalue("bus_url"),
        "tasks_url": request.getfixturevalue("tasks_url"),
        "endpoints": f"main={request.getfixturevalue('mongo_url')}",
    }
