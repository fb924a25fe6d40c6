"""A capture that runs, and who reads its file meanwhile."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from contracts.task import TaskState
from tests.gateway.stored import block_of, ledger_of
from tests.gateway.world import World
from tests.support.sample_packets import ethernet_samples

PACKETS = [ethernet_samples()["udp"], ethernet_samples()["tcp syn"]]


class Running:
    """A capture that runs, and stores a block when told."""

    def __init__(self, at: World, started: dict[str, Any]) -> None:
        self.at = at
        self.session: str = started["session"]
        self.task_id: str = started["task_id"]
        self.blocks: list[Any] = []
        self.path = f"/v1/captures/{self.session}/pcapng"

    async def runs(self) -> None:
        """Its agent has begun."""
        at = datetime.now(UTC)
        await self.at.dispatcher.becomes(
            self.task_id, TaskState.RUNNING, linktype=1, interface="eth0", started_at=at
        )

    async def stores(self, count: int = 2) -> None:
        """A block of `count` packets comes into the store."""
        first = self.blocks[-1].next if self.blocks else 0
        packets = [PACKETS[n % 2] for n in range(count)]
        self.blocks.append(block_of(self.session, len(self.blocks), first, packets))
        await self.at.store.insert_blocks(self.blocks[-1:])

    async def ends(self) -> None:
        """It has ended, with a ledger of all that was stored."""
        await self.at.dispatcher.ends(self.task_id, ledger=ledger_of(self.blocks))

    async def file(self) -> bytes:
        """What is stored, as a file."""
        answer = await self.at.http.get(self.path)
        assert answer.status_code == 200
        return answer.content


async def running(at: World, **fields: Any) -> Running:
    """A capture that was asked for with `fields`, and runs."""
    capture = Running(at, await at.start(**fields))
    await capture.runs()
    return capture


class Reader:
    """A live export, read as it comes."""

    def __init__(self, capture: Running) -> None:
        self.got = bytearray()
        self.task = asyncio.create_task(self._read(capture))

    async def _read(self, capture: Running) -> None:
        query = {"live": "1"}
        async with capture.at.http.stream("GET", capture.path, params=query) as response:
            assert response.status_code == 200
            async for piece in response.aiter_bytes():
                self.got += piece

    async def whole(self) -> bytes:
        """All of it, once it has ended."""
        await asyncio.wait_for(self.task, 60)
        return bytes(self.got)
