"""A gateway that says what it is told, and the command that asks it."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Outcome, run
from tests.support.stub_capflow import KEY, StubCapflow, stub_capflow

Capflow = Callable[..., Any]


@pytest.fixture
async def stub() -> AsyncIterator[StubCapflow]:
    async with stub_capflow() as running:
        yield running


@pytest.fixture
def environment(stub: StubCapflow, tmp_path: Path) -> dict[str, str]:
    data = str(tmp_path / "data")
    return {"CAPFLOW_URL": stub.url, "CAPFLOW_KEY": KEY, "CAPFLOW_DATA": data, "TZ": "UTC"}


@pytest.fixture
def capflow(environment: dict[str, str]) -> Capflow:
    async def command(*arguments: str, **changes: str) -> Outcome:
        return await run(*arguments, env=environment | changes)

    return command
