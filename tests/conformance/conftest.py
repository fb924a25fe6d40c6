"""A packet store and a bus of each kind, empty."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from services.packets.endpoints.mongodb import MongoStore
from services.packets.endpoints.port import PacketStore
from services.packets.endpoints.sqlite import SqliteStore
from services.packets.endpoints.sqlite_file import open_file
from services.runtime.bus.memory import MemoryBus
from services.runtime.bus.opening import open_bus
from services.runtime.bus.port import Bus
from services.runtime.mongo import Mongo

Opener = Callable[[], Awaitable[Bus]]


@pytest.fixture(params=["mongodb", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[PacketStore]:
    """An empty packet store, prepared."""
    opened: PacketStore
    if request.param == "mongodb":
        opened = MongoStore(Mongo(request.getfixturevalue("mongo_url")))
    else:
        opened = SqliteStore(await open_file(tmp_path / "packets.db"))
    await opened.prepare()
    yield opened
    await opened.close()


@pytest.fixture(params=["memory", "rabbitmq"])
async def another(request: pytest.FixtureRequest) -> AsyncIterator[Opener]:
    """Opens one more connection to the same bus."""
    opened: list[Bus] = []
    memory = MemoryBus() if request.param == "memory" else None
    url = "memory://" if memory else request.getfixturevalue("bus_url")

    async def opener() -> Bus:
        opened.append(await open_bus(url, "test", memory))
        return opened[-1]

    yield opener
    for bus in opened:
        await bus.close()


@pytest.fixture
async def bus(another: Opener) -> Bus:
    """A bus that nobody uses yet."""
    return await another()
