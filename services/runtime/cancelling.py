"""Cancel tasks for certain."""

import asyncio
from collections.abc import Iterable
from typing import Any

_AGAIN = 1.0


async def cancel(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel, and again until each has ended; what they raise is left in them.

    A library may lose a cancellation that meets a time-out of its own (`asyncio.wait_for` does,
    before Python 3.12).
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_AGAIN)
