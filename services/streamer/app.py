"""The streamer: composed here, started and stopped in a written order."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable

from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from services.packets.endpoints.opening import Endpoints, open_endpoints
from services.packets.filters import FilterCompiler
from services.runtime import logs
from services.runtime.errors import BadSetting
from services.runtime.health import Health
from services.runtime.http_server import listen
from services.runtime.lifecycle import until
from services.runtime.redis import MEMORY, open_tasks, tasks_errors
from services.runtime.secretfile import read_or_make
from services.runtime.tickets import Tickets
from services.streamer.hub import Hub
from services.streamer.leases import Leases
from services.streamer.ledgers import Ledgers
from services.streamer.liveness import Patience
from services.streamer.metrics import Metrics
from services.streamer.pages import Pages
from services.streamer.pulse import Pulse
from services.streamer.server import Doors
from services.streamer.settings import StreamerSettings
from services.streamer.viewer import House
from services.streamer.warden import Warden


async def run(
    settings: StreamerSettings,
    stop: asyncio.Event,
    *,
    tasks: Redis,
    endpoints: Endpoints,
    started: Callable[[], None] = lambda: None,
) -> None:
    """Serve viewers until `stop` is set, then drain.

    The order of the end: no new connections; every viewer is told the number to go on from, and
    closed (1001); the feeds end; then what looks after them.
    """
    listener = listen(settings.host, settings.streamer_port, "CAPFLOW_STREAMER_PORT")
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    house = _house(settings, tasks, endpoints, metrics)
    health = Health("streamer", _checks(tasks, endpoints), registry)
    doors = Doors(house, health, settings.allowed_origins())
    quiet = asyncio.Event()
    parts = (
        house.warden.run(),
        house.leases.run(),
        house.ledgers.run(),
        Pulse(house.hub).run(),
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(house.hub.run())
        group.create_task(until(quiet, *parts))
        async with doors.open(listener):
            host, port = listener.getsockname()[:2]
            logs.get("streamer").info("serving", host=host, port=port)
            started()
            await stop.wait()
        await house.hub.close()
        await house.compiler.close()
        quiet.set()
    logs.get("streamer").info("drained")


async def main(settings: StreamerSettings, stop: asyncio.Event) -> None:
    """Run against the servers that the settings name."""
    _refuse_embedded(settings)
    tasks = open_tasks(settings.tasks_url)
    endpoints = await open_endpoints(settings.endpoint_settings())
    try:
        await run(settings, stop, tasks=tasks, endpoints=endpoints)
    finally:
        await endpoints.close()
        await tasks.aclose()


def _house(
    settings: StreamerSettings, tasks: Redis, endpoints: Endpoints, metrics: Metrics
) -> House:
    """Three quarters of the memory hold recent blocks, the rest what viewers behind read."""
    memory = settings.streamer_memory
    pages = Pages(memory // 4, metrics)
    hub = Hub(endpoints, pages, settings.viewer_queue, memory - memory // 4, metrics)
    patience = Patience(settings.stall_seconds, settings.ping_seconds, settings.hello_seconds)
    return House(
        hub=hub,
        pages=pages,
        tickets=Tickets(_ticket_secret(settings)),
        compiler=FilterCompiler(),
        leases=Leases(tasks, hub, metrics),
        ledgers=Ledgers(tasks, hub, metrics),
        warden=Warden(patience, settings.silent_connections, memory, metrics),
        metrics=metrics,
    )


def _ticket_secret(settings: StreamerSettings) -> str:
    if settings.ticket_secret is not None:
        return settings.ticket_secret.get_secret_value()
    path = settings.data_folder / "ticket.secret"
    return read_or_make(path, lambda: secrets.token_urlsafe(32))


def _checks(tasks: Redis, endpoints: Endpoints) -> dict[str, Callable[[], Awaitable[None]]]:
    async def ping_tasks() -> None:
        async with tasks_errors():
            await tasks.ping()

    stores = {f"endpoint {name}": store.ping for name, store in endpoints.items()}
    return {"tasks": ping_tasks, **stores}


def _refuse_embedded(settings: StreamerSettings) -> None:
    if settings.tasks_url == MEMORY:
        raise BadSetting(
            "CAPFLOW_TASKS_URL: memory:// exists inside `capflow up` only; a streamer of its own "
            "needs redis://… or rediss://…"
        )
    for endpoint in settings.endpoint_settings():
        if endpoint.type == "sqlite":
            raise BadSetting(
                f"CAPFLOW_ENDPOINTS: {endpoint.name!r} is a sqlite endpoint, which exists inside "
                "`capflow up` only; a streamer of its own needs mongodb://…"
            )
