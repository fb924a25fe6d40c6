"""Answers that leave together: whatever becomes of one, everybody who gave one is told."""

import asyncio
from typing import cast

import pytest

from services.runtime.bus.port import Outgoing
from services.runtime.bus.publishing import Envelope
from services.runtime.bus.replying import OneWrite, Replier
from services.runtime.errors import BusUnavailable


class Publishing:
    """Takes what it can: an address `bad` cannot be written, `away` finds no broker."""

    def __init__(self) -> None:
        self.writes: list[list[str]] = []
        self.open = asyncio.Event()

    async def publish(self, *envelopes: Envelope) -> None:
        await self.open.wait()
        to = [envelope.routing_key for envelope in envelopes]
        if "bad" in to:
            raise ValueError("cannot be written")
        if "away" in to:
            raise BusUnavailable("no broker")
        self.writes.append(to)


def _to(address: str) -> Envelope:
    return Envelope("", address, Outgoing("x", b""), mandatory=False)


async def _answer(publishing: Publishing, *addresses: str) -> list[BaseException | None]:
    replier = Replier(cast(OneWrite, publishing))
    given = [asyncio.create_task(replier.reply(_to(address))) for address in addresses]
    await asyncio.sleep(0)
    publishing.open.set()
    return await asyncio.gather(*given, return_exceptions=True)


async def test_answers_given_meanwhile_leave_as_one() -> None:
    publishing = Publishing()
    assert await _answer(publishing, "a", "b", "c") == [None, None, None]
    assert [to for write in publishing.writes for to in write] == ["a", "b", "c"]
    assert len(publishing.writes) < 3


async def test_one_that_cannot_be_written_takes_no_other_with_it() -> None:
    first, bad, last = await _answer(Publishing(), "a", "bad", "b")
    assert (first, last) == (None, None)
    assert isinstance(bad, ValueError)


async def test_a_broker_away_is_told_to_all() -> None:
    told = await _answer(Publishing(), "away", "b")
    assert isinstance(told[0], BusUnavailable)


async def test_who_waits_when_the_bus_closes_is_told() -> None:
    replier = Replier(cast(OneWrite, Publishing()))
    given = asyncio.create_task(replier.reply(_to("a")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await replier.close()
    with pytest.raises(BusUnavailable):
        await asyncio.wait_for(given, 5)
