"""What the dispatcher does again and again by itself."""

import asyncio
from collections.abc import Awaitable, Callable

from services.dispatcher.metrics import Metrics
from services.runtime import logs
from services.runtime.errors import Unavailable

log = logs.get("dispatcher")


async def rounds(
    part: str, once: Callable[[], Awaitable[None]], pause: float, metrics: Metrics
) -> None:
    """Do `once` for ever, `pause` seconds apart; it is left out while something is away."""
    while True:
        try:
            await once()
        except Unavailable as error:
            metrics.away.labels(part).inc()
            log.warning("waits for what is away", part=part, reason=str(error))
        if _cancelled():
            raise asyncio.CancelledError
        await asyncio.sleep(pause)


def _cancelled() -> bool:
    """Whether a library has eaten our cancellation: `asyncio.wait_for` may, in Python 3.11."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
