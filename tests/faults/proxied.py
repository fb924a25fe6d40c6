"""A world in which single connections can be broken: some services reach servers by a proxy."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager

from tests.faults.world import World
from tests.support.proxy import Direction, TcpProxy


class Forgetful(TcpProxy):
    """Loses answers to the requests that are named, and whatever is answered after them; and
    remembers what it lost."""

    _marker = b""
    lost = b""
    """What has been swallowed since it last began to."""

    @contextmanager
    def drop(self, direction: Direction) -> Iterator[None]:
        self.lost = b""
        with super().drop(direction):
            yield

    @contextmanager
    def forget(self, marker: bytes) -> Iterator[None]:
        """Lose every answer from the first request on that holds `marker`; in the end, cut."""
        self._marker = marker
        try:
            yield
        finally:
            self._marker = b""
            with self.drop("answers"):
                pass

    async def _hand_on(
        self, data: bytes, writer: asyncio.StreamWriter, direction: Direction
    ) -> None:
        if direction == "requests" and self._marker and self._marker in data:
            self._swallows.add("answers")
        if direction in self._swallows:
            self.lost += data
        await super()._hand_on(data, writer, direction)


class Proxied(World):
    """The agent and the dispatcher reach RabbitMQ, and the dispatcher Redis, each by a proxy."""

    async def adjust(self, held: AsyncExitStack) -> None:
        servers = self.servers
        self.agent_bus = await self._between(
            held, "agent", "CAPFLOW_BUS_URL", servers.rabbitmq.port
        )
        self.bus = await self._between(held, "dispatcher", "CAPFLOW_BUS_URL", servers.rabbitmq.port)
        self.tasks = await self._between(
            held, "dispatcher", "CAPFLOW_TASKS_URL", servers.redis.port
        )

    async def _between(
        self, held: AsyncExitStack, service: str, variable: str, port: int
    ) -> Forgetful:
        """Put a proxy between a service and a server's port."""
        proxy = await held.enter_async_context(Forgetful(port))
        environment = self.stack.processes[service].environment
        environment[variable] = environment[variable].replace(f":{port}", f":{proxy.port}")
        return proxy
