"""An agent to command."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.agent.rig import Rig, open_rig
from tests.agent.wire import Wire


@pytest.fixture
async def idle_rig(tmp_path: Path) -> AsyncIterator[Rig]:
    """A rig whose agent has not been started yet."""
    async with open_rig(tmp_path) as rig:
        yield rig


@pytest.fixture
async def rig(idle_rig: Rig) -> Rig:
    """A rig whose agent runs."""
    await idle_rig.start()
    return idle_rig


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    """A veth pair, up, on which nothing happens by itself."""
    with Wire(tmp_path) as made:
        yield made
