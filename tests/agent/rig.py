"""One agent in this process, with a desk that wants things of it and a store that can go away."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

from contracts.block import Block
from contracts.names import session_name
from contracts.order import EndpointRef, Limits, Order
from services.agent.app import run
from services.agent.settings import AgentSettings
from services.packets.endpoints.opening import Endpoints
from services.packets.endpoints.sqlite import SqliteStore
from services.packets.endpoints.sqlite_file import open_file
from services.packets.pcapng import Packet, packets_of
from services.runtime.bus.memory import MemoryBus
from services.runtime.bus.port import Bus
from services.runtime.errors import StoreUnavailable
from services.runtime.settings import load
from tests.agent.desk import Desk, open_desk
from tests.support.wait import until

_seconds = count()


class ShakyStore(SqliteStore):
    """A SQLite endpoint that can be away, or refuse."""

    away = False
    refuses = False
    inserts = 0

    async def insert_blocks(self, blocks: Sequence[Block]) -> None:
        """As PacketStore, unless it is away."""
        self.inserts += 1
        if self.refuses:
            raise ValueError("the document is too large")
        if self.away:
            raise StoreUnavailable("the endpoint is away")
        await super().insert_blocks(blocks)

    async def ping(self) -> None:
        """As PacketStore, unless it is away."""
        if self.away:
            raise StoreUnavailable("the endpoint is away")
        await super().ping()


class Rig:
    """An agent and what is around it."""

    def __init__(self, folder: Path, bus: Bus, desk: Desk, store: ShakyStore) -> None:
        self.folder = folder
        self.bus = bus
        self.desk = desk
        self.store = store
        self.overrides: dict[str, Any] = {}
        self._stop = asyncio.Event()
        self._agent: asyncio.Task[None] | None = None

    def settings(self, **overrides: Any) -> AgentSettings:
        """The agent's settings."""
        defaults: dict[str, Any] = {
            "data": self.folder,
            "resource": "here",
            "agent_port": 0,
            "gateway_port": 0,
            "streamer_port": 0,
            "keepalive": 0.2,
            "ring": 8 << 20,
        }
        return load(AgentSettings, **{**defaults, **self.overrides, **overrides})

    async def start(self, **overrides: Any) -> None:
        """Start the agent and wait until it serves."""
        self._stop = asyncio.Event()
        started = asyncio.Event()
        life = run(
            self.settings(**overrides),
            self._stop,
            bus=self.bus,
            endpoints=Endpoints({"main": self.store}),
            started=started.set,
        )
        self._agent = asyncio.create_task(life)
        waiting = asyncio.create_task(started.wait())
        await asyncio.wait([self._agent, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._agent.done():
            failed, self._agent = self._agent, None
            await failed
        await until(lambda: self.desk.keepalives)

    async def stop(self) -> None:
        """Stop the agent in its order, and wait until it is gone."""
        self._stop.set()
        if self._agent is not None:
            agent, self._agent = self._agent, None
            await agent

    async def kill(self) -> None:
        """End the agent without any order, as a crash would."""
        agent, self._agent = self._agent, None
        assert agent is not None
        agent.cancel()
        await asyncio.gather(agent, return_exceptions=True)

    async def blocks(self, order: Order) -> list[Block]:
        """The stored blocks of a capture."""
        blocks: list[Block] = []
        next = 0
        while more := await self.store.read_blocks(order.session, next, limit=100):
            blocks += more
            next = more[-1].block + 1
        return blocks

    async def packets(self, order: Order) -> list[Packet]:
        """The stored packets of a capture."""
        return [packet for block in await self.blocks(order) for packet in packets_of(block.data)]


def order(service: str, **fields: Any) -> Order:
    """An order for `service`, of a session of its own."""
    at = datetime.fromtimestamp(1_800_000_000 + next(_seconds), UTC)
    defaults: dict[str, Any] = {
        "task_id": uuid4(),
        "session": session_name("here", service, at),
        "resource": "here",
        "service": service,
        "limits": Limits(seconds=60),
        "endpoint": EndpointRef(name="main", type="sqlite"),
        "requested_by": "somebody",
        "requested_at": at,
    }
    return Order(**{**defaults, **fields})


@asynccontextmanager
async def open_rig(folder: Path) -> AsyncIterator[Rig]:
    """A rig whose agent has not been started yet."""
    bus = MemoryBus()
    store = ShakyStore(await open_file(folder / "packets.db"))
    await store.prepare()
    async with open_desk(bus) as desk:
        rig = Rig(folder, bus, desk, store)
        try:
            yield rig
        finally:
            await rig.stop()
            await store.close()
            await bus.close()
