"""A packet store of each kind, empty."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.packets.endpoints.mongodb import MongoStore
from services.packets.endpoints.port import PacketStore
from services.packets.endpoints.sqlite import SqliteStore
from services.packets.endpoints.sqlite_file import open_file
from services.runtime.mongo import Mongo


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
