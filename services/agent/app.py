"""The agent as a service: its parts put together, and its life from start to drained."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from importlib.metadata import version

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from services.agent.age import BlockAge
from services.agent.agent import Agent, Parts
from services.agent.blankring import Spare
from services.agent.catalogue import Catalogue
from services.agent.framing import Framer
from services.agent.identity import IdentityFile
from services.agent.metrics import AgentMetrics
from services.agent.own_traffic import OwnTraffic
from services.agent.preparing import Preparer
from services.agent.replay import Replay
from services.agent.ring import Ring
from services.agent.running import Workshop
from services.agent.scapysource import ScapySource
from services.agent.services import Recording, Service
from services.agent.settings import AgentSettings
from services.agent.source import Source
from services.agent.spool.folder import SpoolFolder
from services.packets.endpoints.opening import Endpoints, open_endpoints
from services.packets.filters import FilterCompiler
from services.runtime.bus.opening import open_bus
from services.runtime.bus.port import Bus
from services.runtime.errors import BadSetting, BusUnavailable, CapflowError
from services.runtime.health import Check, Health, ops_routes
from services.runtime.http_server import serve_http
from services.runtime.logs import get


async def run(
    settings: AgentSettings,
    stop: asyncio.Event,
    *,
    bus: Bus,
    endpoints: Endpoints,
    started: Callable[[], None] = lambda: None,
    beside: bool = False,
) -> None:
    """Serve until `stop` is set, then drain in order: intake, captures, blocks, reports.

    KeepAlives and health go on while draining. `started` is called once the agent serves;
    `beside` says that gateway and streamer run in this process, wherever the bus is.
    """
    async with AsyncExitStack() as held:
        registry = CollectorRegistry()
        compiler = FilterCompiler()
        held.push_async_callback(compiler.close)
        catalogue = await asyncio.to_thread(Catalogue, settings)
        await catalogue.check(compiler)
        own_traffic = OwnTraffic(settings, beside=beside)
        age = BlockAge()
        spare = _spare(settings, age)
        if spare is not None:
            held.callback(spare.close)
            spare.prepare()
        preparer = Preparer(
            catalogue.services,
            endpoints,
            compiler,
            own_traffic.peers,
            lambda service: source_of(service, settings.ring, spare),
        )
        agent = await _assembled(held, settings, bus, catalogue, preparer, age, registry)
        health = Health("agent", _checks(agent, bus, endpoints), registry)
        app = Starlette(routes=ops_routes(health))
        server = serve_http(app, settings.host, settings.agent_port, "CAPFLOW_AGENT_PORT")
        await held.enter_async_context(server)
        await _warm(compiler)
        await _live(agent, settings, stop, started)


async def main(settings: AgentSettings, stop: asyncio.Event) -> None:
    """Run the agent alone, on the bus and the endpoints that the settings name."""
    refuse_embedded(settings)
    async with AsyncExitStack() as held:
        bus = await open_bus(settings.bus_url, "agent")
        held.push_async_callback(bus.close)
        endpoints = await open_endpoints(settings.endpoint_settings())
        held.push_async_callback(endpoints.close)
        await run(settings, stop, bus=bus, endpoints=endpoints)


def refuse_embedded(settings: AgentSettings) -> None:
    """Raise BadSetting where the settings name what exists inside `capflow up` only."""
    if settings.bus_url.startswith("memory:"):
        raise BadSetting(
            "CAPFLOW_BUS_URL: memory:// exists inside `capflow up` only; "
            "an agent alone needs amqp://… or amqps://…"
        )
    for endpoint in settings.endpoint_settings():
        if endpoint.type == "sqlite":
            raise BadSetting(
                f"CAPFLOW_ENDPOINTS: {endpoint.name} is sqlite, which exists inside `capflow up` "
                "only; an agent alone needs name=mongodb://…"
            )


def source_of(service: Service, ring_size: int, spare: Spare | None = None) -> Source:
    """The capture source that a service's packets come from; a `spare` has rings of that size."""
    if isinstance(service.origin, Recording):
        return Replay(service.origin)
    if hasattr(socket, "AF_PACKET"):
        return Ring(service.origin.interface, ring_size, spare)
    return ScapySource(service.origin.interface)


def _spare(settings: AgentSettings, age: BlockAge) -> Spare | None:
    wanted = settings.spare_ring and hasattr(socket, "AF_PACKET")
    return Spare(settings.ring, age) if wanted else None


async def _warm(compiler: FilterCompiler) -> None:
    """Start the filter compiler, so that the first capture need not wait for it."""
    try:
        await compiler.compile("ip")
    except CapflowError as error:
        get("agent").error("filters cannot be compiled: only a demo can run", error=str(error))


async def _live(
    agent: Agent, settings: AgentSettings, stop: asyncio.Event, started: Callable[[], None]
) -> None:
    async with asyncio.TaskGroup() as group:
        await agent.open(group)
        intake = group.create_task(agent.follow())
        parts = (agent.say_alive(), agent.say_how_it_goes(), agent.keep_journal(), agent.spill())
        others = [group.create_task(part) for part in parts]
        get("agent").info("the agent serves", resource=settings.resource)
        started()
        await stop.wait()
        intake.cancel()
        await agent.drain()
        for task in others:
            task.cancel()
    await agent.close()


async def _assembled(
    held: AsyncExitStack,
    settings: AgentSettings,
    bus: Bus,
    catalogue: Catalogue,
    preparer: Preparer,
    age: BlockAge,
    registry: CollectorRegistry,
) -> Agent:
    identity = await asyncio.to_thread(IdentityFile(settings.folder).open)
    held.callback(identity.close)
    framer = Framer()
    spool = SpoolFolder(settings.folder / "spool", settings.spool)
    held.callback(spool.close)
    await asyncio.to_thread(spool.prepare)
    parts = Parts(
        settings=settings,
        version=await asyncio.to_thread(version, "capflow"),
        identity=identity,
        catalogue=catalogue,
        bus=bus,
        metrics=AgentMetrics(registry),
        spool=spool,
        workshop=lambda changed, press: Workshop(
            preparer, framer, age, settings.backlog, spool, press, changed
        ),
    )
    return Agent(parts)


def _checks(agent: Agent, bus: Bus, endpoints: Endpoints) -> dict[str, Check]:
    async def connected() -> None:
        if not bus.connected:
            raise BusUnavailable("the bus is away")

    stores = {f"endpoint {name}": store.ping for name, store in endpoints.items()}
    return {"bus": connected, **stores, "dispatcher": agent.served}
