"""Gap notices of one viewer: at most one a second and reason, and their counts exact. No I/O."""

from collections.abc import Iterable

from contracts.stream import Gap, GapReason
from services.streamer.accounting import Hole

INTERVAL = 1.0
"""Seconds between two notices of one reason."""


class Gaps:
    """Holes waiting to be told.

    The first hole of a reason is told at once. Those that follow within a second become one
    notice: `first` is the first number missing, `count` how many are missing in all.
    """

    __slots__ = ("_told", "_waiting")

    def __init__(self) -> None:
        self._told: dict[GapReason, float] = {}
        self._waiting: dict[GapReason, Hole] = {}

    def note(self, holes: Iterable[Hole]) -> None:
        """Add holes."""
        for hole in holes:
            earlier = self._waiting.get(hole.reason)
            if earlier is not None:
                hole = Hole(hole.reason, earlier.first, earlier.packets + hole.packets)
            self._waiting[hole.reason] = hole

    def may_tell(self, reason: GapReason, now: float) -> bool:
        """Whether a notice of this reason may be given at `now` (seconds, monotonic)."""
        return now - self._told.get(reason, float("-inf")) >= INTERVAL

    def due(self, now: float) -> list[Gap]:
        """The notices to give at `now`."""
        if not self._waiting:
            return []
        return self._tell([reason for reason in self._waiting if self.may_tell(reason, now)], now)

    def all(self, now: float) -> list[Gap]:
        """Every notice, because nothing comes after."""
        return self._tell(list(self._waiting), now)

    def _tell(self, reasons: list[GapReason], now: float) -> list[Gap]:
        self._told.update(dict.fromkeys(reasons, now))
        holes = [self._waiting.pop(reason) for reason in reasons]
        return [Gap(first=hole.first, count=hole.packets, reason=hole.reason) for hole in holes]
