"""Waiting for a capture's end."""

import asyncio
import time

from contracts.task import Capture
from services.client.api import Gateway
from services.client.errors import StillRunning
from services.runtime.backoff import delays

PATIENCE = 20.0
"""Seconds in which an agent that lives has stored the last block."""


async def ended(gateway: Gateway, session: str, patience: float = PATIENCE) -> Capture:
    """The capture once it has ended. Raises StillRunning after `patience` seconds."""
    deadline = time.monotonic() + patience
    for delay in delays(first=0.05, most=0.5):
        capture = await gateway.capture(session)
        if capture.state.ended:
            return capture
        if time.monotonic() > deadline:
            raise StillRunning(f"{session} is still {capture.state} after {patience:g} s")
        await asyncio.sleep(delay)
    raise AssertionError("delays never end")
