"""Notices when this dispatcher or the task store were away without anybody saying so."""

from collections.abc import Callable

from services.dispatcher.footing import Footing
from services.dispatcher.metrics import Metrics
from services.dispatcher.rounds import rounds
from services.dispatcher.taskstore import TaskStore
from services.runtime import logs

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
        await rounds("pulse", self.beat, _PACE, self._metrics)

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
        self._metrics.calm.set(self._footing.calm)
