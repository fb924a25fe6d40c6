"""The gateway's parts, put together once and handed to the routes."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from redis.asyncio import Redis

from contracts.task import Capture
from services.gateway.attending import Attending
from services.gateway.authentication import Authenticator
from services.gateway.commands import Commands
from services.gateway.dissection.dissector import Dissector
from services.gateway.exports import Exports
from services.gateway.following import Following
from services.gateway.keyring import Keyring
from services.gateway.limits import LimitsKnown
from services.gateway.metrics import Metrics
from services.gateway.problems import Refused
from services.gateway.quota import StartQuota
from services.gateway.resourceevents import ResourceEvents
from services.gateway.resources import Resources
from services.gateway.settings import GatewaySettings
from services.gateway.site import Asset
from services.gateway.sse import Listeners
from services.gateway.streaming import Slots
from services.gateway.taskevents import TaskEvents
from services.gateway.taskreads import TaskReads
from services.gateway.viewing import TicketOffice
from services.gateway.waiting import Waiting
from services.packets.endpoints.opening import Endpoints
from services.packets.endpoints.port import PacketStore
from services.packets.filters import FilterCompiler
from services.runtime.bus.port import Bus
from services.runtime.bus.requests import Requests
from services.runtime.health import Health
from services.runtime.redis import tasks_errors

_MOST_LISTENERS = 500


@dataclass(frozen=True)
class Gateway:
    """Everything a route may need."""

    settings: GatewaySettings
    endpoints: Endpoints
    metrics: Metrics
    health: Health
    keyring: Keyring
    authenticator: Authenticator
    quota: StartQuota
    filters: FilterCompiler
    dissector: Dissector
    commands: Commands
    reads: TaskReads
    resources: Resources
    waiting: Waiting
    listeners: Listeners
    events: TaskEvents
    event_slots: Slots
    resource_events: ResourceEvents
    limits: LimitsKnown
    exports: Exports
    following: Following
    attending: Attending
    tickets: TicketOffice
    site: Mapping[str, Asset]

    def store_of(self, capture: Capture) -> PacketStore:
        """Where a capture's packets are. Raises Refused where that is not set up here."""
        try:
            return self.endpoints.get(capture.endpoint.name)
        except KeyError:
            detail = (
                f"{capture.session} is stored in the endpoint {capture.endpoint.name}, "
                "which this gateway's CAPFLOW_ENDPOINTS does not name"
            )
            raise Refused("store-unavailable", detail) from None


def assemble(
    settings: GatewaySettings,
    keyring: Keyring,
    ticket_secret: str,
    site: Mapping[str, Asset],
    *,
    bus: Bus,
    requests: Requests,
    tasks: Redis,
    endpoints: Endpoints,
) -> Gateway:
    """The parts of one gateway."""
    metrics = Metrics()
    clock = asyncio.get_running_loop().time
    reads = TaskReads(tasks, endpoints.first)
    waiting = Waiting(reads.task, metrics)
    listeners = Listeners(metrics)
    resources = Resources(tasks)
    following = Following(endpoints, metrics)
    return Gateway(
        settings=settings,
        endpoints=endpoints,
        metrics=metrics,
        health=_health(bus, tasks, endpoints, metrics),
        keyring=keyring,
        authenticator=Authenticator(keyring, metrics, clock),
        quota=StartQuota(settings.starts_per_minute, metrics, clock),
        filters=FilterCompiler(),
        dissector=Dissector(metrics),
        commands=Commands(requests, metrics),
        reads=reads,
        resources=resources,
        waiting=waiting,
        listeners=listeners,
        events=TaskEvents(bus, (waiting.ring, listeners.tell), listeners.missed, metrics),
        event_slots=Slots("events", _MOST_LISTENERS, metrics),
        resource_events=ResourceEvents(resources, listeners),
        limits=LimitsKnown(tasks),
        exports=Exports(endpoints.first, following, metrics),
        following=following,
        attending=Attending(tasks, reads, following, metrics),
        tickets=TicketOffice(settings, ticket_secret),
        site=site,
    )


def _health(bus: Bus, tasks: Redis, endpoints: Endpoints, metrics: Metrics) -> Health:
    async def bus_answers() -> None:
        if not bus.connected:
            raise ConnectionError("not connected")

    async def tasks_answer() -> None:
        async with tasks_errors():
            await tasks.ping()

    stores = {f"endpoint {name}": store.ping for name, store in endpoints.items()}
    checks = {"bus": bus_answers, "tasks": tasks_answer, **stores}
    return Health("gateway", checks, metrics.registry)


def _gateway_of(request: Request) -> Gateway:
    gateway = request.app.state.gateway
    assert isinstance(gateway, Gateway)
    return gateway


Here = Annotated[Gateway, Depends(_gateway_of)]
"""The gateway that serves a request, for the signature of a route."""
