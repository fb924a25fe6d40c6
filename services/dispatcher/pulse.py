"""Notices when this dispatcher or the task store were away without anybody saying so."""

import asyncio
from collections.abc import Callable

from services.dispatcher.footing import Footing
from services.dispatcher.metrics import Metrics
from services.dispatcher.taskstore import TaskStore
from services.runtime import logs
from services.runtime.errors import Unavailable

log = logs.get("dispatcher")

_PACE = 0.5
_MOST_LATE = 3.0
"""Seconds between two beats after which this process counts as having slept."""


class Pulse:
    """Beats; `clock` is monotonic, in seconds."""

    def __init__(
        self, tasks: TaskStore, footing: Footing, metrics: Metrics, clock: Callable[[], float]
    ) -> None:
        self._tasks = tasks
        self._footing = footing
        self._metrics = metrics
        self._clock = clock
        self._last_beat = clock()
        self._last_written = 0

    async def run(self) -> None:
        """Beat for ever."""
        while True:
            try:
                await self.beat()
            except Unavailable as error:
                self._metrics.away.labels("pulse").inc()
                log.warning("task store is away", reason=str(error))
            self._metrics.calm.set(self._footing.calm)
            await asyncio.sleep(_PACE)

    async def beat(self) -> None:
        """One beat. Raises Unavailable."""
        slept = self._clock() - self._last_beat > _MOST_LATE
        self._last_beat = self._clock()
        tick = await self._tasks.tick()
        went_back = tick.last < self._last_written
        self._last_written = tick.now
        if slept or went_back:
            log.warning("nothing is reaped for a lease", slept=slept, store_went_back=went_back)
            self._footing.restart()
