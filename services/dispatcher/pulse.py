"""Notices when this dispatcher or the task store were away without anybody saying so."""

from collections.abc import Callable

from services.dispatcher.footing import Footing
from services.dispatcher.metrics import Metrics
from services.dispatcher.rounds import rounds
from services.dispatcher.taskstore import TaskStore, Tick
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
        self._tick: Tick | None = None

    async def run(self) -> None:
        """Beat for ever."""
        await rounds("pulse", self.beat, _PACE, self._metrics)

    async def beat(self) -> None:
        """One beat. Raises Unavailable."""
        if self._clock() - self._last_beat > _MOST_LATE:
            self._restart("this process has slept")
        self._last_beat = self._clock()
        await self.feel()
        self._metrics.calm.set(self._footing.calm)

    async def feel(self) -> None:
        """Find out whether the task store is still the one it was. Raises Unavailable."""
        known = self._tick
        tick = await self._tasks.tick(known.now if known else 0)
        if known is not None and tick.epoch != known.epoch:
            self._restart("the task store was wiped or has gone back")
        self._tick = tick

    def _restart(self, why: str) -> None:
        log.warning("nothing is reaped for a lease", why=why)
        self._footing.restart()
