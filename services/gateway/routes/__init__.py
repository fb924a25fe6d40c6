"""The calls of the REST API, a file for each thing they are about."""

from fastapi import APIRouter

from services.gateway.routes import (
    captures,
    events,
    export,
    filters,
    keys,
    limits,
    ops,
    packets,
    page,
    resources,
    tasks,
)

ROUTERS: tuple[APIRouter, ...] = (
    resources.router,
    captures.router,
    tasks.router,
    packets.router,
    export.router,
    filters.router,
    events.router,
    keys.router,
    limits.router,
    ops.router,
    page.router,
)
