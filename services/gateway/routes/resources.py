"""Resources: hosts with an agent."""

from typing import Annotated

from fastapi import APIRouter, Query

from contracts.model import Request, Text
from contracts.names import Name
from contracts.resource import Resource
from contracts.rest import Page
from services.gateway import examples
from services.gateway.gateway import Here
from services.gateway.openapi import answer, problems
from services.gateway.paging import DEFAULT_LIMIT, Limit
from services.gateway.rights import Viewer

router = APIRouter(prefix="/v1/resources", tags=["resources"])


class ResourceQuery(Request):
    """Which page."""

    limit: Limit = DEFAULT_LIMIT
    cursor: Text | None = None


@router.get(
    "",
    summary="List the resources",
    responses=answer(200, "By name", examples.page(examples.RESOURCE))
    | problems("invalid-request"),
)
async def list_resources(
    gateway: Here, _: Viewer, query: Annotated[ResourceQuery, Query()]
) -> Page[Resource]:
    """Every host whose agent was heard of: online or not, what it offers, what runs there."""
    return await gateway.resources.page(query.cursor, query.limit)


@router.get(
    "/{resource}",
    summary="Read one resource",
    responses=answer(200, "The resource", examples.RESOURCE)
    | problems("unknown-resource", "invalid-request"),
)
async def read_resource(gateway: Here, _: Viewer, resource: Name) -> Resource:
    """One host with an agent."""
    return await gateway.resources.one(resource)
