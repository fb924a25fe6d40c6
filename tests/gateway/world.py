"""A gateway that serves over HTTP, with what it needs below it and a stub of a dispatcher."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from redis.asyncio import Redis

from contracts.rest import Role
from services.gateway.app import run
from services.gateway.settings import GatewaySettings
from services.packets.endpoints.opening import Endpoints, open_endpoints
from services.packets.endpoints.port import PacketStore
from services.runtime.bus.memory import MemoryBus
from services.runtime.bus.opening import open_bus
from services.runtime.bus.port import Bus
from services.runtime.redis import open_tasks
from services.runtime.settings import load
from tests.gateway.stub_dispatcher import StubDispatcher
from tests.servers.ports import free_ports
from tests.support.plain_http import plain_client
from tests.support.wait import until

ADMIN_KEY = "test-admin-key-0123456789abcdef"
TICKET_SECRET = "test-ticket-secret-0123456789abcdef"


@dataclass
class World:
    """The gateway under test, and what surrounds it."""

    settings: GatewaySettings
    bus: Bus
    tasks: Redis
    endpoints: Endpoints
    dispatcher: StubDispatcher
    http: httpx2.AsyncClient
    """Asks as the admin."""
    stop: asyncio.Event
    running: "asyncio.Task[None]"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.gateway_port}"

    @property
    def store(self) -> PacketStore:
        return self.endpoints.first

    def client(self, key: str | None = None) -> httpx2.AsyncClient:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return plain_client(base_url=self.url, headers=headers, timeout=70)

    async def key(self, role: Role, name: str | None = None) -> str:
        """A new API key."""
        answer = await self.http.post(
            "/v1/keys", json={"name": name or f"some-{role}", "role": role}
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["key"])

    async def start(self, **fields: Any) -> dict[str, Any]:
        """Start a capture; the 202's body."""
        body = {"resource": "web-1", "service": "eth0", **fields}
        answer = await self.http.post("/v1/captures", json=body)
        assert answer.status_code == 202, answer.text
        started: dict[str, Any] = answer.json()
        return started


def settings(data: Path, **more: Any) -> GatewaySettings:
    """Settings of a gateway on a free port."""
    chosen = {
        "gateway_port": free_ports(1)[0],
        "admin_key": ADMIN_KEY,
        "ticket_secret": TICKET_SECRET,
        "stream_url": "ws://stream.test:8081/v1/stream",
        **more,
    }
    return load(GatewaySettings, data=data, **chosen)


@asynccontextmanager
async def world(configured: GatewaySettings) -> AsyncIterator[World]:
    """Run a gateway on what its settings name."""
    async with AsyncExitStack() as stack:
        memory = MemoryBus()
        bus = await open_bus(configured.bus_url, "gateway", memory)
        stack.push_async_callback(bus.close)
        other = await open_bus(configured.bus_url, "dispatcher", memory)
        stack.push_async_callback(other.close)
        tasks = open_tasks(configured.tasks_url)
        stack.push_async_callback(tasks.aclose)
        endpoints = await open_endpoints(configured.endpoint_settings())
        stack.push_async_callback(endpoints.close)
        await endpoints.first.prepare()
        await until(lambda: bus.connected and other.connected)
        dispatcher = StubDispatcher(other, tasks, endpoints)
        await dispatcher.start()
        stack.push_async_callback(dispatcher.stop)
        stop, started = asyncio.Event(), asyncio.Event()
        running = asyncio.create_task(
            run(
                configured,
                stop,
                bus=bus,
                tasks=tasks,
                endpoints=endpoints,
                started=started.set,
            )
        )
        await _begun(running, started)
        address = f"http://127.0.0.1:{configured.gateway_port}"
        http = plain_client(
            base_url=address, headers={"Authorization": f"Bearer {ADMIN_KEY}"}, timeout=70
        )
        stack.push_async_callback(http.aclose)
        try:
            yield World(configured, bus, tasks, endpoints, dispatcher, http, stop, running)
        finally:
            stop.set()
            await running


async def _begun(running: "asyncio.Task[None]", started: asyncio.Event) -> None:
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if running.done():
        await running
