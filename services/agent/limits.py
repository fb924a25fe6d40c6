"""The limits of a capture: when it ends by itself, to the packet."""

from collections.abc import Iterable
from itertools import accumulate
from operator import itemgetter

from contracts.order import Limits
from contracts.task import StopReason
from services.agent.source import Frame

_data = itemgetter(2)


class Limiter:
    """Lets packets through until a limit is reached.

    Never more than `limits.packets` packets and `limits.bytes` captured bytes pass; the packet
    that would be one too many, and every later one, is beyond the limit.
    """

    def __init__(self, limits: Limits, started: float) -> None:
        self.deadline = started + limits.seconds
        """When `seconds` are over, by the monotonic clock that gave `started`."""
        self._packets_left = limits.packets
        self._bytes_left = limits.bytes
        self._full = False
        self.reached: StopReason | None = None
        """The limit that was reached first."""

    def expired(self, now: float) -> bool:
        """Whether the seconds are over."""
        if now >= self.deadline:
            self.reached = self.reached or StopReason.SECONDS
        return now >= self.deadline

    def admit(self, frames: list[Frame]) -> int:
        """How many of `frames`, from the first, are within the limits."""
        if self._full:
            return 0
        within = frames[: self._packets_left]
        size = sum(_sizes(within))
        if size <= self._bytes_left:
            return self._spend(len(within), size)
        fitting = _fitting(_sizes(within), self._bytes_left)
        self._fill(StopReason.BYTES)
        return fitting

    def _spend(self, packets: int, size: int) -> int:
        self._bytes_left -= size
        if self._bytes_left == 0:
            self._fill(StopReason.BYTES)
        if self._packets_left is not None:
            self._packets_left -= packets
            if self._packets_left == 0:
                self._fill(StopReason.PACKETS)
        return packets

    def _fill(self, reason: StopReason) -> None:
        self._full = True
        self.reached = self.reached or reason


def _sizes(frames: list[Frame]) -> Iterable[int]:
    return map(len, map(_data, frames))


def _fitting(sizes: Iterable[int], room: int) -> int:
    """How many of `sizes`, from the first, fit into `room` together."""
    return sum(1 for total in accumulate(sizes) if total <= room)
