"""The KeepAlive loop. It waits for nothing but its clock and the broker's confirm."""

import asyncio
from collections.abc import Callable

from contracts.keepalive import KeepAlive
from contracts.topology import KEEPALIVE, KEEPALIVE_TYPE
from services.agent.metrics import AgentMetrics
from services.runtime.bus.codec import encode
from services.runtime.bus.port import Bus, Mailbox, Receiver
from services.runtime.errors import BusUnavailable, Unroutable
from services.runtime.logs import get

SEND_SECONDS = 5.0
RETRY_SECONDS = 1.0
"""How soon one that could not be delivered is followed by the next."""


class KeepAlives:
    """Sends a KeepAlive every interval, and at once after `nudge`."""

    def __init__(
        self,
        bus: Bus,
        receive: Receiver,
        make: Callable[[], KeepAlive],
        interval: float,
        metrics: AgentMetrics,
    ) -> None:
        self._bus = bus
        self._receive = receive
        self._make = make
        self._interval = interval
        self._metrics = metrics
        self._mailbox: Mailbox | None = None
        self._nudged = asyncio.Event()
        self._heard = True
        self._log = get("agent")

    def nudge(self) -> None:
        """Send the next one now."""
        self._nudged.set()

    async def run(self) -> None:
        """Send for ever."""
        while True:
            self._nudged.clear()
            await self.send()
            await self._pause()

    async def send(self) -> None:
        """Send one; where the bus is away, the next one says it all."""
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._publish()
        except (BusUnavailable, Unroutable, TimeoutError) as error:
            self._metrics.keepalives_failed.inc()
            self._say(False, str(error) or "no confirm in time")
        else:
            self._metrics.keepalives.inc()
            self._say(True)

    async def close(self) -> None:
        """Give the reply address up."""
        if self._mailbox is not None:
            await self._mailbox.close()
            self._mailbox = None

    async def _publish(self) -> None:
        if self._mailbox is None:
            self._mailbox = await self._bus.mailbox(self._receive)
        message = self._make()
        await self._mailbox.send(KEEPALIVE, message.resource, encode(KEEPALIVE_TYPE, message))

    async def _pause(self) -> None:
        seconds = self._interval if self._heard else min(self._interval, RETRY_SECONDS)
        try:
            async with asyncio.timeout(seconds):
                await self._nudged.wait()
        except TimeoutError:
            return

    def _say(self, heard: bool, why: str = "") -> None:
        """Log when it changes, not at each one."""
        if heard and not self._heard:
            self._log.info("KeepAlives are delivered again")
        elif self._heard and not heard:
            self._log.warning("a KeepAlive could not be delivered", error=why)
        self._heard = heard
