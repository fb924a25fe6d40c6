"""Stored packets: a line each, and one with all that can be read of it."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import Field

from contracts.dissection import PacketDetails
from contracts.model import Request, Text
from contracts.names import SessionName
from contracts.rest import Page
from contracts.stream import PacketSummary
from services.gateway import examples
from services.gateway.details import details
from services.gateway.gateway import Here
from services.gateway.openapi import answer, problems
from services.gateway.rights import Viewer
from services.gateway.starting import program_of
from services.gateway.summaries import summaries

router = APIRouter(prefix="/v1/captures/{session}/packets", tags=["packets"])

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000

Number = Annotated[int, Path(ge=0, lt=2**63)]


class PacketQuery(Request):
    """Which packets."""

    start: Annotated[int, Field(alias="from", ge=0, lt=2**63)] = 0
    """Number of the first packet wanted; a page's `next_cursor` goes here."""
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT
    filter: Text = ""
    """pcap-filter syntax."""


@router.get(
    "",
    summary="List a capture's packets",
    responses=answer(200, "By number", examples.page(examples.PACKET, "100"))
    | problems("unknown-capture", "invalid-request", "invalid-filter"),
)
async def list_packets(
    gateway: Here, _: Viewer, session: SessionName, query: Annotated[PacketQuery, Query()]
) -> Page[PacketSummary]:
    """Summaries of stored packets. `next_cursor` is the number to give as `from` for the next
    page; one call reads so much and no more, so with a filter a page may be short or empty and
    still have a next one."""
    capture = await gateway.reads.capture(session)
    program = await program_of(gateway.filters, query.filter, capture.linktype)
    store = gateway.store_of(capture)
    return await summaries(capture, store, query.start, query.limit, program)


@router.get(
    "/{number}",
    summary="Read one packet",
    responses=answer(200, "The packet, layer by layer", examples.DETAILS)
    | problems(
        "unknown-capture",
        "unknown-packet",
        "dropped-packet",
        "too-many-packets",
        "invalid-request",
    ),
)
async def read_packet(
    gateway: Here, _: Viewer, session: SessionName, number: Number
) -> PacketDetails:
    """Every layer with its fields, where each lies in the packet, and the bytes. Of a packet that
    cannot be taken apart there are the bytes, and a `note` that says why."""
    capture = await gateway.reads.capture(session)
    return await details(capture, gateway.store_of(capture), number, gateway.dissector)
