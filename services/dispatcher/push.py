"""Tells an agent of a changed list at once, at the address of its last KeepAlive."""

from services.dispatcher.metrics import Metrics
from services.dispatcher.taskstore import TaskStore
from services.dispatcher.wanted import wanted
from services.runtime import logs
from services.runtime.bus.port import Bus
from services.runtime.errors import Unavailable

log = logs.get("dispatcher")


class Push:
    """Pushes wanted lists. One that does not arrive costs a KeepAlive interval, no more."""

    def __init__(self, bus: Bus, tasks: TaskStore, metrics: Metrics) -> None:
        self._bus = bus
        self._tasks = tasks
        self._metrics = metrics

    async def __call__(self, resource: str) -> None:
        """Tell the agent of `resource` what is wanted now."""
        try:
            outcome = await self._send(resource)
        except (Unavailable, ValueError) as error:
            outcome = "failed"
            log.warning("wanted list not pushed", resource=resource, reason=str(error))
        self._metrics.pushes.labels(outcome).inc()

    async def _send(self, resource: str) -> str:
        listing = await self._tasks.wanted(resource)
        if listing.agent is None or not listing.agent.reply_to:
            return "no-address"
        message = wanted(resource, listing.revision, listing.orders)
        await self._bus.reply(listing.agent.reply_to, message)
        return "sent"
