"""The blocks of a capture that runs, for one reader, until it ends."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from contracts.block import Block
from contracts.task import Capture
from services.gateway.digests import Digests
from services.gateway.export import BLOCKS_AT_ONCE, Truncated, pcapng_file
from services.gateway.followed import Followed
from services.gateway.following import Following
from services.gateway.streaming import Slots
from services.packets.endpoints.port import PacketStore
from services.runtime.backoff import delays
from services.runtime.errors import StoreUnavailable


class LiveBlocks:
    """A `Source`: what the store holds, and what comes.

    The reader goes by block number, at its own pace: a slow one is behind and misses nothing, and
    nobody is given a block twice. While the store is away, it waits.
    """

    def __init__(self, followed: Followed, store: PacketStore, records: PacketStore) -> None:
        self._followed = followed
        self._store = store
        self._records = records

    async def begin(self) -> Capture:
        """The capture, once it runs or has ended."""
        while not self._followed.begun:
            await self._wait(self._followed.bell)
        return self._followed.capture

    async def blocks(self, number: int) -> Sequence[Block]:
        """The next blocks, once there are some; none after the end."""
        while True:
            bell, over = self._followed.bell, self._followed.over
            recent = self._followed.recent(number)
            if recent is not None:
                return [recent]
            stored = await self._read(number)
            if stored or over:
                return stored
            await self._wait(bell)

    async def end(self) -> Capture:
        """The record of the end."""
        session = self._followed.capture.session
        for delay in delays():
            self._check()
            try:
                record = await self._records.session(session)
            except StoreUnavailable:
                await asyncio.sleep(delay)
                continue
            if record is None:
                raise Truncated(f"{session} was removed while it was sent")
            return record
        raise AssertionError("delays never end")

    async def _read(self, number: int) -> Sequence[Block]:
        session = self._followed.capture.session
        for delay in delays():
            self._check()
            try:
                return await self._store.read_blocks(session, number, limit=BLOCKS_AT_ONCE)
            except StoreUnavailable:
                await asyncio.sleep(delay)
        raise AssertionError("delays never end")

    async def _wait(self, bell: asyncio.Event) -> None:
        self._check()
        await bell.wait()

    def _check(self) -> None:
        if self._followed.closed:
            raise Truncated(f"the gateway ends while it sends {self._followed.capture.session}")


async def live_file(
    capture: Capture,
    following: Following,
    store: PacketStore,
    records: PacketStore,
    digests: Digests,
    slots: Slots,
) -> AsyncGenerator[bytes]:
    """The file of a capture, which goes on until the capture ends."""
    with following.of(capture) as followed:
        source = LiveBlocks(followed, store, records)
        async with aclosing(pcapng_file(source, digests, slots)) as pieces:
            async for piece in pieces:
                yield piece
