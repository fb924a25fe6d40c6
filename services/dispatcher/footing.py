"""For how long the dispatcher has heard all there is to hear."""

from collections.abc import Callable

from services.runtime.bus.port import Bus


class Footing:
    """Since when this dispatcher has had broker and task store without a break.

    What it has not heard of before that, it may just not have been able to hear. `clock` is
    monotonic, the event loop's.
    """

    def __init__(self, bus: Bus, clock: Callable[[], float]) -> None:
        self._bus = bus
        self._clock = clock
        self._since = clock()
        self._tasks_away = False

    def lost(self) -> None:
        """The task store did not answer."""
        self._tasks_away = True

    def held(self) -> None:
        """The task store answered."""
        if self._tasks_away:
            self._tasks_away = False
            self.restart()

    def restart(self) -> None:
        """Count anew: what was heard before does not say that we would hear now."""
        self._since = self._clock()

    @property
    def calm(self) -> float:
        """Seconds since both were regained; 0 while one is away."""
        if self._tasks_away or not self._bus.connected:
            return 0.0
        return max(self._clock() - max(self._since, self._bus.regained), 0.0)
