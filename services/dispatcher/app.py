"""The dispatcher as a service: what runs, and in which order it ends."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from prometheus_client import CollectorRegistry
from redis.asyncio import Redis
from starlette.applications import Starlette

from contracts.topology import COMMANDS_QUEUE, KEEPALIVE_QUEUE, REPORTS_QUEUE, QueueSpec
from services.dispatcher.assembly import Dispatcher, assemble
from services.dispatcher.metrics import Metrics
from services.dispatcher.settings import DispatcherSettings
from services.dispatcher.timing import Timing
from services.packets.endpoints.opening import Endpoints, open_endpoints
from services.packets.endpoints.port import PacketStore
from services.packets.filters import FilterCompiler
from services.runtime import logs
from services.runtime.backoff import delays
from services.runtime.bus.opening import open_bus
from services.runtime.bus.port import Bus, Handler, Quick
from services.runtime.errors import BadSetting, BusUnavailable, StoreUnavailable, TasksUnavailable
from services.runtime.health import Check, Health, ops_routes
from services.runtime.http_server import serve_http
from services.runtime.lifecycle import until
from services.runtime.redis import MEMORY, open_tasks

log = logs.get("dispatcher")


async def main(settings: DispatcherSettings, stop: asyncio.Event) -> None:
    """Run a dispatcher on the servers that the settings name, until `stop`. Raises BadSetting."""
    _refuse_embedded(settings)
    async with AsyncExitStack() as held:
        bus = await open_bus(settings.bus_url, "dispatcher")
        held.push_async_callback(bus.close)
        tasks = open_tasks(settings.tasks_url)
        held.push_async_callback(tasks.aclose)
        endpoints = await open_endpoints(settings.endpoint_settings())
        held.push_async_callback(endpoints.close)
        await run(settings, stop, bus=bus, tasks=tasks, endpoints=endpoints)


async def run(
    settings: DispatcherSettings,
    stop: asyncio.Event,
    *,
    bus: Bus,
    tasks: Redis,
    endpoints: Endpoints,
    started: Callable[[], None] = lambda: None,
    timing: Timing | None = None,
) -> None:
    """Serve until `stop`, then drain: no more commands and reports, those in hand are finished.

    KeepAlives are answered first and last, so that no agent is told nothing while we start or end.
    """
    registry = CollectorRegistry()
    health = Health("dispatcher", _checks(bus, tasks, endpoints), registry)
    web = Starlette(routes=ops_routes(health))
    async with AsyncExitStack() as held:
        filters = FilterCompiler()
        held.push_async_callback(filters.close)
        parts = assemble(
            settings, bus, tasks, endpoints, filters, Metrics(registry), timing or Timing()
        )
        port = await held.enter_async_context(
            serve_http(web, settings.host, settings.dispatcher_port, "CAPFLOW_DISPATCHER_PORT")
        )
        keepalives = parts.keepalives
        await held.enter_async_context(
            _consuming(bus, KEEPALIVE_QUEUE, keepalives.handle, keepalives.quickly)
        )
        if not await _prepared(endpoints.first, stop):
            return
        await held.enter_async_context(_consuming(bus, COMMANDS_QUEUE, parts.intake.handle))
        await held.enter_async_context(_consuming(bus, REPORTS_QUEUE, parts.reports.handle))
        log.info("the dispatcher serves", host=settings.host, port=port)
        started()
        await until(stop, *_by_themselves(parts), _prepare_others(endpoints, stop))


def _by_themselves(parts: Dispatcher) -> tuple[Coroutine[Any, Any, None], ...]:
    return (
        parts.pulse.run(),
        parts.reaper.run(),
        parts.sweep.run(),
        parts.retention.run(),
        parts.capstelling.run(),
    )


async def _prepare_others(endpoints: Endpoints, stop: asyncio.Event) -> None:
    """Prepare the endpoints after the first, none of which may keep the others waiting."""
    others = [store for _, store in endpoints.items() if store is not endpoints.first]
    await asyncio.gather(*(_prepared(store, stop) for store in others))
    await stop.wait()


@asynccontextmanager
async def _consuming(
    bus: Bus, queue: QueueSpec, handler: Handler, quick: Quick | None = None
) -> AsyncIterator[None]:
    """Take a queue's messages; on leaving, no more, and those in hand are finished."""
    subscription = await bus.consume(queue, handler, quick)
    try:
        yield
    finally:
        await subscription.cancel()


async def _prepared(records: PacketStore, stop: asyncio.Event) -> bool:
    """Prepare the store, however long it is away; whether it was before `stop`."""
    for delay in delays():
        try:
            await records.prepare()
        except StoreUnavailable as error:
            log.warning("waiting for the endpoint", reason=str(error))
        else:
            return True
        try:
            await asyncio.wait_for(stop.wait(), delay)
        except TimeoutError:
            continue
        return False
    raise AssertionError("delays never end")


def _checks(bus: Bus, tasks: Redis, endpoints: Endpoints) -> dict[str, Check]:
    async def connected() -> None:
        if not bus.connected:
            raise BusUnavailable("the bus is away")

    async def answering() -> None:
        if not await tasks.ping():
            raise TasksUnavailable("the task store does not answer")

    stores = {f"endpoint {name}": store.ping for name, store in endpoints.items()}
    return {"bus": connected, "tasks": answering, **stores}


def _refuse_embedded(settings: DispatcherSettings) -> None:
    """What lives inside one process cannot be shared with the other services."""
    embedded = {
        "CAPFLOW_BUS_URL": settings.bus_url == MEMORY,
        "CAPFLOW_TASKS_URL": settings.tasks_url == MEMORY,
        "CAPFLOW_ENDPOINTS": any(each.type == "sqlite" for each in settings.endpoint_settings()),
    }
    wrong = [variable for variable, is_embedded in embedded.items() if is_embedded]
    if wrong:
        raise BadSetting(
            f"{', '.join(wrong)}: a dispatcher of its own needs servers (amqp://…, redis://…, "
            "main=mongodb://…); memory:// and sqlite exist inside `capflow up` only"
        )
