"""`capflow up`: the four services in one process, on memory and SQLite or on real servers."""

import asyncio
import sys
from contextlib import AsyncExitStack
from typing import Any

from services.agent.app import run as run_agent
from services.agent.settings import AgentSettings
from services.client.settings import ClientSettings
from services.client.whereabouts import ADDRESS_FILE
from services.dispatcher.app import run as run_dispatcher
from services.dispatcher.settings import DispatcherSettings
from services.gateway.app import run as run_gateway
from services.gateway.settings import GatewaySettings
from services.packets.endpoints.opening import Endpoints, open_endpoints
from services.packets.endpoints.port import PacketStore
from services.runtime import logs
from services.runtime.bus.memory import MemoryBus
from services.runtime.bus.opening import open_bus
from services.runtime.bus.port import Bus
from services.runtime.errors import StoreUnavailable
from services.runtime.lifecycle import serve
from services.runtime.redis import open_tasks
from services.runtime.settings import load
from services.standalone.folder import held, recorded
from services.standalone.parts import Part, together
from services.standalone.ports import settle
from services.standalone.starting import or_end
from services.standalone.welcome import may_capture, welcome
from services.streamer.app import run as run_streamer
from services.streamer.settings import StreamerSettings

SERVICES = ("gateway", "streamer", "dispatcher", "agent")
PORTS = tuple(f"{name}_port" for name in SERVICES)
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - looked up, not bound to
_LAST_WORD = 2.0
"""Seconds in which the dispatcher records the ends that the agent has reported."""


def run_up() -> None:
    """Run until told to stop; ends the process."""
    up = or_end(Up)
    logs.configure("up", up.agent.log_level, up.agent.log_format)
    sys.exit(serve(up.run))


class Up:
    """The settings of the four, and how they are put together."""

    def __init__(self) -> None:
        self.gateway = load(GatewaySettings)  # of a port that is wrong, its own words come first
        self.streamer = load(StreamerSettings)
        self.dispatcher = load(DispatcherSettings)
        self.agent = load(AgentSettings)
        self._settle_ports()

    @property
    def address(self) -> str:
        """Where the gateway is reached from this machine."""
        host = _ANYWHERE.get(self.gateway.host, self.gateway.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.gateway.gateway_port}"

    async def run(self, stop: asyncio.Event) -> None:
        """Open what is below, run the four until `stop`, close."""
        async with AsyncExitStack() as stack:
            stack.enter_context(held(self.agent.data_folder))
            stack.enter_context(recorded(self.agent.data_folder / ADDRESS_FILE, self.address))
            endpoints = await open_endpoints(self.agent.endpoint_settings())
            stack.push_async_callback(endpoints.close)
            parts = await self._parts(stack, endpoints)
            gateway, agent, dispatcher, streamer = parts

            async def until_stopped() -> None:
                self._announce()
                await stop.wait()
                await gateway.stop()
                await agent.stop()
                await _ends_recorded(endpoints.first, self.agent.resource)
                await dispatcher.stop()
                await streamer.stop()

            await together([dispatcher, agent, streamer, gateway], until_stopped)

    async def _parts(self, stack: AsyncExitStack, endpoints: Endpoints) -> list[Part]:
        memory = MemoryBus()
        tasks = open_tasks(self.gateway.tasks_url)
        stack.push_async_callback(tasks.aclose)

        async def bus(service: str) -> Bus:
            opened = await open_bus(self.gateway.bus_url, service, memory)
            stack.push_async_callback(opened.close)
            return opened

        buses = {name: await bus(name) for name in ("gateway", "agent", "dispatcher")}
        stores: dict[str, Any] = {"tasks": tasks, "endpoints": endpoints}
        return [
            Part("gateway", lambda stop, started: run_gateway(
                self.gateway, stop, bus=buses["gateway"], started=started, **stores)),
            Part("agent", lambda stop, started: run_agent(
                self.agent, stop, bus=buses["agent"], endpoints=endpoints, started=started)),
            Part("dispatcher", lambda stop, started: run_dispatcher(
                self.dispatcher, stop, bus=buses["dispatcher"], started=started, **stores)),
            Part("streamer", lambda stop, started: run_streamer(
                self.streamer, stop, started=started, **stores)),
        ]  # fmt: skip

    def _settle_ports(self) -> None:
        """Put the real ports into every settings object that knows of them."""
        all_settings = {name: getattr(self, name) for name in SERVICES}
        asked = {port: getattr(all_settings[port.removesuffix("_port")], port) for port in PORTS}
        ports = settle(self.gateway.host, asked)
        for name, settings in all_settings.items():
            known = {port: ports[port] for port in PORTS if hasattr(settings, port)}
            setattr(self, name, settings.model_copy(update=known))

    def _announce(self) -> None:
        key = ClientSettings(data=self.agent.data).secret
        if self.gateway.admin_key is not None:
            key = self.gateway.admin_key.get_secret_value()
        print(welcome(self.address, key, self.agent.resource, may_capture()), flush=True)


async def _ends_recorded(store: PacketStore, resource: str) -> None:
    """Wait until no capture of this agent is open any more, as far as waiting is worth it."""
    try:
        async with asyncio.timeout(_LAST_WORD):
            while await store.open_sessions(resource):  # noqa: ASYNC110 - the store is not asked for events
                await asyncio.sleep(0.02)
    except (TimeoutError, StoreUnavailable):
        return
