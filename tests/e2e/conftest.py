"""Whole stacks: `capflow up`, and each service in a process of its own on the real servers."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.outside import Rest
from tests.support.servers import Place, Servers
from tests.support.stack import Stack
from tests.support.traffic import Traffic


@pytest.fixture
def servers(killable: Servers) -> Iterator[Servers]:
    """The servers of the stacks, which are well again after the test."""
    yield killable
    killable.revive()


@pytest.fixture
def place(killable: Servers) -> Place:
    """A place on the servers for this test's stack."""
    return killable.place()


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """`capflow up`, shared by the tests that leave it as it was."""
    with Stack(tmp_path_factory.mktemp("embedded")) as stack:
        yield stack


@pytest.fixture(scope="session")
def distributed_place(killable: Servers) -> Place:
    """The place of `distributed` on the servers."""
    return killable.place()


@pytest.fixture(scope="session")
def distributed(
    distributed_place: Place, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Four services in four processes, shared by the tests that leave them as they were."""
    folder = tmp_path_factory.mktemp("distributed")
    with Stack(folder, distributed_place.environment) as stack:
        yield stack


@pytest.fixture(params=["embedded", "distributed"])
def stack(request: pytest.FixtureRequest) -> Stack:
    """Each kind of stack in turn."""
    running: Stack = request.getfixturevalue(request.param)
    return running


@pytest.fixture
def own_stack(place: Place, tmp_path: Path) -> Iterator[Stack]:
    """Four services that this test alone uses, and may kill; not started."""
    stack = Stack(tmp_path, place.environment, CAPFLOW_KEEPALIVE="1")
    yield stack
    stack.close()


@pytest.fixture
async def rest(stack: Stack) -> AsyncIterator[Rest]:
    """The REST API of `stack`, as its administrator."""
    async with Rest(stack) as client:
        yield client


@pytest.fixture
async def traffic() -> AsyncIterator[Traffic]:
    """Numbered packets on loopback."""
    async with Traffic() as running:
        yield running
