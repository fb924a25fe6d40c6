"""Tells an agent of a changed list at once, at the address of its last KeepAlive."""

from services.dispatcher.metrics import Metrics
from services.dispatcher.taskstore import TaskStore
from services.dispatcher.wanted import WantedList, wanted
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

    async def __call__(self, resource: str, listing: WantedList | None = None) -> None:
        """Tell the agent of `resource` what is wanted now; `listing` where that is known."""
        try:
            outcome = await self._send(resource, listing or await self._tasks.wanted(resource))
        except (Unavailable, ValueError) as error:
            outcome = "failed"
            log.warning("wanted list not pushed", resource=resource, reason=str(error))
        self._metrics.pushes.labels(outcome).inc()

    async def _send(self, resource: str, listing: WantedList) -> str:
        if listing.agent is None or not listing.agent.reply_to:
            return "no-address"
        message = wanted(resource, listing.revision, listing.orders)
        await self._bus.reply(listing.agent.reply_to, message)
        return "sent"
