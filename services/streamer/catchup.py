"""Where a viewer begins, and what it reads from the store until it is level with the others."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal, TypeVar

from contracts.block import Block
from services.runtime.backoff import delays
from services.runtime.errors import StoreUnavailable
from services.streamer.accounting import Account
from services.streamer.channel import Channel
from services.streamer.encode import Batch, Shape
from services.streamer.pages import Pages
from services.streamer.ring import Entry

T = TypeVar("T")

_OPENING = 10.0
"""Seconds a `start` waits for the store to say how far the capture is."""
_LAGGING = 2.0
"""Seconds a `start` waits for a number that another streamer may have sent already: feeds are not
level with each other."""
_LAGGING_PAUSE = 0.05
_NEAR = 1_000_000
"""Packets by which one feed may be behind another."""
_DOUBTS = 10
_DOUBT_PAUSE = 0.2
"""A hole in the store is looked at so often, so many seconds apart: the session may be about to
be removed, blocks first."""


class BadPosition(Exception):
    """No packet has that number yet; the text says which is the last one possible."""


async def locate(
    channel: Channel, pages: Pages, start: Literal["live", "beginning"] | int
) -> Account:
    """The account of a viewer that starts there. Raises BadPosition, StoreUnavailable."""
    try:
        async with asyncio.timeout(_OPENING):
            await channel.opened.wait()
    except TimeoutError:
        raise StoreUnavailable("the endpoint does not answer; try again") from None
    if start == "live":
        return _level(channel, channel.next)
    if start == "beginning":
        return Account()
    return await _from_number(channel, pages, start)


async def _from_number(channel: Channel, pages: Pages, number: int) -> Account:
    if number > (last := await _last_possible(channel, number)):
        raise BadPosition(f"packet {number} does not exist yet: the next one is {last}")
    if number >= channel.next:
        return _level(channel, number)
    block = await _holding(channel, number)
    if block is None:
        return _level(channel, number)
    return Account(number, block.block, await _dropped_before(channel, pages, block.block))


async def _last_possible(channel: Channel, number: int) -> int:
    """The last number to start from; not much below `number`, it is given a while to grow."""
    clock = asyncio.get_running_loop().time
    until = clock() + _LAGGING
    while True:
        last = max(channel.next, channel.ledger.captured)
        if not 0 < number - last <= _NEAR or channel.ended or clock() >= until:
            return last
        await asyncio.sleep(_LAGGING_PAUSE)


def _level(channel: Channel, number: int) -> Account:
    return Account(number, channel.ring.head, channel.dropped)


async def _holding(channel: Channel, number: int) -> Block | None:
    entry = channel.ring.with_packet(number)
    if entry is not None:
        return entry.block
    return await channel.store.block_with(channel.session, number)


async def _dropped_before(channel: Channel, pages: Pages, number: int) -> int:
    """The kernel's drops up to a block: who begins there was told of them, or need not be."""
    if number == 0:
        return 0
    entry = channel.ring.get(number - 1)
    if entry is not None and entry.block.block == number - 1:
        return entry.block.dropped
    before = await pages.entry(channel.store, channel.session, number - 1)
    return before.block.dropped if before is not None and before.block.block < number else 0


class Reader:
    """Reads the blocks of one channel from its store, one after the other."""

    def __init__(self, channel: Channel, pages: Pages) -> None:
        self._channel = channel
        self._pages = pages

    async def entry(self, number: int) -> Entry | None:
        """Block `number`; where the store has it no more, the first one after it, or None.

        Waits while the endpoint is away, and while a hole may be a removal under way.
        """
        for _ in range(_DOUBTS):
            entry = await self._insist(lambda: self._first_from(number))
            if (entry is not None and entry.block.block == number) or self._channel.removed:
                break
            if entry is not None and await self._insist(lambda: self._has(number - 1)):
                break  # a removal begins with the oldest: this was never stored
            await asyncio.sleep(_DOUBT_PAUSE)
        return entry

    def share(self, entry: Entry, shape: Shape, batch: Batch) -> None:
        """Keep a batch of an entry for other viewers; the pages count it when they next grow."""
        entry.keep(shape, batch)

    async def _first_from(self, number: int) -> Entry | None:
        return await self._pages.entry(self._channel.store, self._channel.session, number)

    async def _has(self, number: int) -> bool:
        """Whether the store has block `number` now, whatever was read before."""
        if number < 0:
            return False
        found = await self._pages.read(self._channel.store, self._channel.session, number, 1)
        return bool(found) and found[0].block == number

    async def _insist(self, read: Callable[[], Awaitable[T]]) -> T:
        for delay in delays():
            try:
                return await read()
            except StoreUnavailable:
                await asyncio.sleep(delay)
        raise AssertionError("delays never end")
