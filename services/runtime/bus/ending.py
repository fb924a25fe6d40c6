"""End a connection or channel whose broker may not answer."""

import asyncio
from collections.abc import Awaitable

import structlog

from services.runtime.bus.cancelled import cancelled_by_others

log = structlog.get_logger("capflow.bus")


async def end_within(seconds: float, ending: Awaitable[object]) -> None:
    """Await `ending` for so long, and raise nothing but our own cancellation.

    It runs where an error or a cancellation is on its way already, which must not be replaced.
    """
    try:
        async with asyncio.timeout(seconds):
            await ending
    except asyncio.CancelledError:
        if not cancelled_by_others():
            raise
    except Exception as error:
        log.debug("not closed in order", reason=f"{type(error).__name__}: {error}")
