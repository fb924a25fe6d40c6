"""The core set: faults scaled down, one after the other on the servers of this process."""

import os
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
import pytest_asyncio

from tests.faults.fault import Fault
from tests.faults.ground import Ground
from tests.support.servers import Servers

Judge = Callable[[Fault], Coroutine[Any, Any, None]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ground(
    killable: Servers, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Ground]:
    """Where the faults of one module run."""
    async with Ground(killable, tmp_path_factory.mktemp("faults")) as made:
        yield made


@pytest.fixture
def holds(ground: Ground) -> Judge:
    """Runs a fault and fails with all that is wrong."""

    async def run(fault: Fault) -> None:
        seed = int(os.environ.get("SEED") or int.from_bytes(os.urandom(4)))
        print(f"SEED={seed}")
        result = await ground.run(fault, seed)
        assert result.held, result.complaints()

    return run
