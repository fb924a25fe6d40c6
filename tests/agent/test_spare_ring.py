"""A ring is ready before a capture wants it, and nobody has to give it back but its keeper."""

import socket
from collections.abc import Iterator

import pytest

from services.agent import blankring
from services.agent.age import BlockAge
from services.agent.blankring import BLOCK, Spare, make
from tests.support.wait import until

SIZE = 4 * BLOCK


@pytest.fixture
def spare(monkeypatch: pytest.MonkeyPatch) -> Iterator[Spare]:
    monkeypatch.setattr(blankring, "REST_SECONDS", 0.01)
    kept = Spare(SIZE, BlockAge())
    yield kept
    kept.close()


async def test_the_ring_that_is_ready_is_taken_and_the_next_one_made(spare: Spare) -> None:
    spare.prepare()
    await until(lambda: not spare.waits)
    rings = []
    for _ in range(2):
        ready = spare._ready
        assert ready is not None
        rings.append(spare.take())
        assert rings[-1] is ready
        await until(lambda: not spare.waits)
    assert len({ring.socket.fileno() for ring in rings}) == 2
    for ring in rings:
        ring.close()


async def test_where_none_is_ready_one_is_made_at_once(spare: Spare) -> None:
    ring = spare.take()
    assert ring.blocks == SIZE // BLOCK
    ring.close()


async def test_no_packet_can_come_into_a_ring_that_is_bound_to_nothing() -> None:
    ring = make(SIZE)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(100):
            sender.sendto(b"x", ("127.0.0.1", 9))
    seen = ring.socket.getsockopt(blankring.SOL_PACKET, 6, 12)
    assert not any(seen)
    ring.close()


async def test_one_that_is_made_while_its_keeper_closes_is_given_back(spare: Spare) -> None:
    spare.prepare()
    spare.close()
    await until(lambda: not spare.waits)
    assert spare._ready is None
    spare.prepare()
    assert not spare.waits


async def test_a_ring_that_cannot_be_made_is_an_error_for_whoever_takes_it(
    spare: Spare, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(blankring, "_set_aside", refuse)
    spare.prepare()
    await until(lambda: not spare.waits)
    with pytest.raises(OSError, match="allocate"):
        spare.take()
