"""The nemesis: breaks one thing after the other, as its seed decides, and mends what it broke."""

import asyncio
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from time import monotonic

from tests.faults.world import World
from tests.servers.process import Server
from tests.support.stack import SERVICES, Process

LONGEST = 8.0
"""Seconds that anything stays frozen or dead: an agent longer than its lease."""
PAUSE = 6.0
"""Seconds between two faults, at most."""


class Nemesis:
    """Injects into a world; `done` counts what."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._random = world.random
        self.done: Counter[str] = Counter()

    async def run(self, seconds: float) -> None:
        """Go on for so long."""
        ends, evils = monotonic() + seconds, self._evils()
        while monotonic() < ends:
            name = self._random.choice(sorted(evils))
            self.done[name] += 1
            await evils[name]()
            await asyncio.sleep(self._random.uniform(1, PAUSE))

    def _evils(self) -> dict[str, Callable[[], Awaitable[None]]]:
        servers = self._world.servers
        evils: dict[str, Callable[[], Awaitable[None]]] = {}
        for server in (servers.rabbitmq, servers.redis, servers.mongo):
            evils[f"{server.name} killed"] = partial(self._kill_server, server)
            evils[f"{server.name} frozen"] = partial(self._freeze_server, server)
        evils["redis wiped"] = partial(self._kill_server, servers.redis, keep_data=False)
        evils["connections closed"] = self._close_connections
        for name in SERVICES:
            process = self._world.stack.processes[name]
            evils[f"{name} killed"] = partial(self._kill, process)
            evils[f"{name} frozen"] = partial(self._freeze, process)
        return evils

    async def _while(self) -> None:
        await asyncio.sleep(self._random.uniform(0.5, LONGEST))

    async def _kill_server(self, server: Server, *, keep_data: bool = True) -> None:
        await asyncio.to_thread(server.kill)
        await self._while()
        await asyncio.to_thread(partial(server.restart, keep_data=keep_data))

    async def _freeze_server(self, server: Server) -> None:
        server.freeze()
        await self._while()
        server.thaw()

    async def _close_connections(self) -> None:
        arguments = ("close_all_connections", "--global", "nemesis")
        await asyncio.to_thread(self._world.servers.rabbitmq.control, *arguments)

    async def _kill(self, process: Process) -> None:
        self._world.kill(process)
        await self._while()
        await asyncio.to_thread(process.start)

    async def _freeze(self, process: Process) -> None:
        process.send(signal.SIGSTOP)
        await self._while()
        process.send(signal.SIGCONT)
