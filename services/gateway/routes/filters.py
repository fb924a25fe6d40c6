"""Filters: checked before anything is started with them."""

from typing import Annotated

from fastapi import APIRouter, Body, Response

from contracts.model import Request, Text
from services.gateway import examples
from services.gateway.gateway import Here
from services.gateway.openapi import answer, problems
from services.gateway.rights import Viewer
from services.gateway.starting import program_of

router = APIRouter(prefix="/v1/filters", tags=["captures"])


class FilterCheck(Request):
    """A filter to check."""

    filter: Text
    """pcap-filter syntax."""


@router.post(
    "/check",
    status_code=204,
    response_class=Response,
    summary="Check a filter",
    responses=answer(204, "libpcap takes it")
    | problems("invalid-filter", "invalid-request", "body-too-large", reads=False),
)
async def check(
    gateway: Here,
    _: Viewer,
    body: Annotated[FilterCheck, Body(openapi_examples=examples.FILTER_CHECKS)],
) -> None:
    """Whether libpcap takes a filter, for a link of type Ethernet; the 422 has its own words.
    Nothing is started or kept."""
    await program_of(gateway.filters, body.filter)
