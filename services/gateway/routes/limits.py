"""Limits: what a capture gets where nothing is asked for, and what may be asked for."""

from fastapi import APIRouter

from contracts.rest import LimitsInForce
from services.gateway import examples
from services.gateway.gateway import Here
from services.gateway.openapi import answer, problems
from services.gateway.rights import Viewer

router = APIRouter(prefix="/v1/limits", tags=["captures"])


@router.get(
    "",
    summary="Read the limits in force",
    responses=answer(200, "Defaults and caps", examples.LIMITS_IN_FORCE) | problems(),
)
async def read_limits(gateway: Here, _: Viewer) -> LimitsInForce:
    """The defaults, and the operator's caps: what is asked for above them is lowered to them, and
    the 202 of the start says so. `caps` is null while no dispatcher tells them."""
    return await gateway.limits.read()
