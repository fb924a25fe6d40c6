"""Messages that are taken together: what the quick way leaves, the workers take one by one."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from contracts.topology import KEEPALIVE_QUEUE
from services.runtime.bus.ackrule import AckRule
from services.runtime.bus.crew import Crew
from services.runtime.bus.port import Incoming
from services.runtime.errors import TasksUnavailable
from tests.support.wait import until


class Message:
    """A delivery that remembers what became of it."""

    def __init__(self, number: int) -> None:
        self.incoming = Incoming("t", b"", str(number), "key")
        self.alive = True
        self.fate = ""

    async def acknowledge(self) -> None:
        self.fate += "acknowledged"

    def release(self) -> None:
        self.fate += "released"


class Way:
    """The quick way: leaves odd ones, waits at its gate, fails while `away`."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.slow: list[int] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.away = False

    async def quickly(self, batch: Sequence[Incoming]) -> set[int]:
        numbers = [int(incoming.message_id) for incoming in batch]
        self.batches.append(numbers)
        await self.gate.wait()
        if self.away:
            raise TasksUnavailable("away")
        return {at for at, number in enumerate(numbers) if number % 2}

    async def handle(self, incoming: Incoming) -> None:
        if self.away:
            raise TasksUnavailable("away")
        self.slow.append(int(incoming.message_id))


@pytest.fixture
async def way() -> Way:
    return Way()


async def _never(_incoming: Incoming, _reason: str) -> None:
    raise AssertionError("nothing dies here")


@pytest.fixture
async def crew(way: Way) -> AsyncIterator[Crew]:
    made = Crew(3, AckRule(KEEPALIVE_QUEUE, way.handle, _never), way.quickly)
    yield made
    way.gate.set()
    await made.finish()


async def test_what_comes_together_is_taken_together_and_the_rest_one_by_one(
    crew: Crew, way: Way
) -> None:
    messages = [Message(number) for number in range(6)]
    for message in messages:
        crew.give(message)
    await until(lambda: all(message.fate == "acknowledged" for message in messages))
    assert way.batches == [[0, 1, 2, 3, 4, 5]]
    assert sorted(way.slow) == [1, 3, 5]


async def test_while_something_is_away_the_workers_have_them_all(crew: Crew, way: Way) -> None:
    way.away = True
    messages = [Message(number) for number in (0, 2)]
    crew.give(messages[0])
    await until(lambda: way.batches)
    await until(lambda: crew._rule.pause.on)
    crew.give(messages[1])
    way.away = False
    await until(lambda: all(message.fate == "acknowledged" for message in messages))
    assert way.batches == [[0]]
    assert sorted(way.slow) == [0, 2]


async def test_no_more_than_two_batches_are_under_way(crew: Crew, way: Way) -> None:
    way.gate.clear()
    for number in range(0, 8, 2):
        crew.give(Message(number))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert way.batches == [[0], [2]]
    way.gate.set()
    await until(lambda: sum(map(len, way.batches)) == 4)


async def test_an_end_waits_for_batches_and_gives_the_rest_back(way: Way) -> None:
    crew = Crew(3, AckRule(KEEPALIVE_QUEUE, way.handle, _never), way.quickly)
    way.gate.clear()
    messages = [Message(number) for number in range(0, 8, 2)]
    for message in messages:
        crew.give(message)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    ending = asyncio.create_task(crew.finish())
    await asyncio.sleep(0)
    way.gate.set()
    await ending
    assert [message.fate for message in messages] == ["acknowledged"] * 2 + ["released"] * 2
