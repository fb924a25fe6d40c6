"""The gateway as a service: its parts put together, run, and ended in order."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from redis.asyncio import Redis
from starlette.middleware import Middleware

from services.gateway import failures
from services.gateway.accesslog import AccessMiddleware
from services.gateway.authentication import AuthenticationMiddleware
from services.gateway.bodies import BodyLimitMiddleware
from services.gateway.gateway import Gateway, assemble
from services.gateway.keyring import Keyring
from services.gateway.openapi import DESCRIPTION, describe
from services.gateway.routes import ROUTERS
from services.gateway.secretfiles import admin_key, tell_about_admin_key, ticket_secret
from services.gateway.settings import GatewaySettings
from services.gateway.site import read_site
from services.packets.endpoints.opening import Endpoints, open_endpoints
from services.runtime import logs
from services.runtime.bus.opening import open_bus
from services.runtime.bus.port import Bus
from services.runtime.bus.requests import Requests
from services.runtime.errors import BadSetting
from services.runtime.http_server import serve_http
from services.runtime.lifecycle import until
from services.runtime.redis import MEMORY, open_tasks

KEYS_FILE = "keys.json"


async def main(settings: GatewaySettings, stop: asyncio.Event) -> None:
    """Run a gateway on the servers that the settings name, until `stop`. Raises BadSetting."""
    _refuse_embedded(settings)
    async with AsyncExitStack() as stack:
        bus = await open_bus(settings.bus_url, "gateway")
        stack.push_async_callback(bus.close)
        tasks = open_tasks(settings.tasks_url)
        stack.push_async_callback(tasks.aclose)
        endpoints = await open_endpoints(settings.endpoint_settings())
        stack.push_async_callback(endpoints.close)
        await run(settings, stop, bus=bus, tasks=tasks, endpoints=endpoints)


async def run(
    settings: GatewaySettings,
    stop: asyncio.Event,
    *,
    bus: Bus,
    tasks: Redis,
    endpoints: Endpoints,
    started: Callable[[], None] = lambda: None,
) -> None:
    """Run a gateway until `stop`, then drain: who waits is answered, streams end, requests under
    way are finished, and only then the parts they need are closed."""
    async with (
        _gateway(settings, bus, tasks, endpoints) as gateway,
        gateway.events.subscribed(),
        gateway.following.running(),
    ):
        app = application(gateway, await asyncio.to_thread(version, "capflow"))
        async with serve_http(
            app, settings.host, settings.gateway_port, "CAPFLOW_GATEWAY_PORT"
        ) as port:
            logs.get("gateway").info("the gateway serves", host=settings.host, port=port)
            started()
            try:
                await until(
                    stop,
                    gateway.events.watch(),
                    gateway.keyring.watch(),
                    gateway.attending.run(),
                    gateway.following.watch(),
                    gateway.resource_events.run(),
                )
            finally:
                gateway.waiting.close()
                gateway.listeners.close()
                gateway.following.hang_up()


def application(gateway: Gateway, release: str) -> FastAPI:
    """The HTTP application of a gateway."""
    app = FastAPI(
        title="Capflow",
        version=release,
        description=DESCRIPTION,
        openapi_url=None,
        redirect_slashes=False,
        middleware=[
            Middleware(AccessMiddleware, metrics=gateway.metrics),
            Middleware(AuthenticationMiddleware, authenticator=gateway.authenticator),
            Middleware(BodyLimitMiddleware),
        ],
    )
    app.state.gateway = gateway
    for router in ROUTERS:
        app.include_router(router)
    failures.install(app)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    return app


@asynccontextmanager
async def _gateway(
    settings: GatewaySettings, bus: Bus, tasks: Redis, endpoints: Endpoints
) -> AsyncIterator[Gateway]:
    key = await asyncio.to_thread(admin_key, settings)
    secret = await asyncio.to_thread(ticket_secret, settings)
    tell_about_admin_key(settings)
    keyring = Keyring(settings.data_folder / KEYS_FILE, key)
    await asyncio.to_thread(keyring.load)
    site = await asyncio.to_thread(read_site)
    async with Requests(bus) as requests:
        gateway = assemble(
            settings,
            keyring,
            secret,
            site,
            bus=bus,
            requests=requests,
            tasks=tasks,
            endpoints=endpoints,
        )
        try:
            yield gateway
        finally:
            await gateway.filters.close()
            await gateway.dissector.close()


def _refuse_embedded(settings: GatewaySettings) -> None:
    """What lives inside one process cannot be shared with the other services."""
    embedded = {
        "CAPFLOW_BUS_URL": settings.bus_url == MEMORY,
        "CAPFLOW_TASKS_URL": settings.tasks_url == MEMORY,
        "CAPFLOW_ENDPOINTS": any(each.type == "sqlite" for each in settings.endpoint_settings()),
    }
    wrong = [variable for variable, is_embedded in embedded.items() if is_embedded]
    if wrong:
        raise BadSetting(
            f"{', '.join(wrong)}: a gateway of its own needs servers (amqp://…, redis://…, "
            "main=mongodb://…); memory:// and sqlite exist inside `capflow up` only"
        )
