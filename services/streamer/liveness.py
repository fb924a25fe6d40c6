"""Whether a client is still there, and still takes what it is sent. No I/O."""

from dataclasses import dataclass, field
from enum import Enum, auto


class Verdict(Enum):
    """What to do about a connection."""

    FINE = auto()
    PING = auto()
    """Nothing was heard for a while: ask."""
    DEAD = auto()
    """Asked, and nothing was heard."""
    STALLED = auto()
    """It has been taking nothing of what waits for it."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds."""

    stall: float = 10.0
    """For any progress of what waits to be taken."""
    ping: float = 15.0
    """From the last word heard to a ping, and from there to the end."""
    hello: float = 10.0
    """From the connection to its `session` message."""
    close: float = 3.0
    """From the beginning of a close to its end."""


@dataclass(slots=True)
class Liveness:
    """What is known of one connection; times are seconds by a monotonic clock."""

    heard: float
    """When something was last received."""
    _size: int = field(default=0, init=False)
    _moved: float = field(default=0.0, init=False)
    """When what waits was last less than before, or nothing."""
    _asked: float = field(default=float("-inf"), init=False)

    def judge(self, waiting: int, now: float, patience: Patience) -> Verdict:
        """The verdict at `now`, with `waiting` bytes not taken."""
        if waiting < self._size:
            self.heard = now  # whoever takes lives: an answer may be stuck behind what waits
        if waiting < self._size or not self._size:
            self._moved = now
        self._size = waiting
        if waiting:
            return Verdict.STALLED if now - self._moved >= patience.stall else Verdict.FINE
        return self._judge_silence(now, patience.ping)

    def _judge_silence(self, now: float, ping: float) -> Verdict:
        if now - self.heard < ping:
            return Verdict.FINE
        if self._asked <= self.heard:  # an answer may come in the same tick of the clock
            self._asked = now
            return Verdict.PING
        return Verdict.DEAD if now - self._asked >= ping else Verdict.FINE
