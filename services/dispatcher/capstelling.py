"""Tells everybody the operator's caps, so that people see them before they ask for more."""

from contracts.order import Caps
from services.dispatcher.metrics import Metrics
from services.dispatcher.rounds import rounds
from services.dispatcher.taskstore import TaskStore

_PACE = 20.0
_LIFE_MS = 120_000
"""Several rounds: a dispatcher may be restarted meanwhile."""


class CapsTelling:
    """Keeps the caps in the task store for as long as a dispatcher is there to heed them."""

    def __init__(self, tasks: TaskStore, caps: Caps, metrics: Metrics) -> None:
        self._tasks = tasks
        self._caps = caps
        self._metrics = metrics

    async def run(self) -> None:
        """Tell for ever."""
        await rounds("caps", self._tell, _PACE, self._metrics)

    async def _tell(self) -> None:
        await self._tasks.keep_caps(self._caps, _LIFE_MS)
