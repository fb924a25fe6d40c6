"""What became of a fault."""

from dataclasses import dataclass, field
from time import monotonic

from tests.faults.verdict import Verdict


class Void(Exception):
    """The fault did not really happen, so the run shows nothing; the text says what was missing."""


@dataclass(slots=True)
class Outcome:
    """What was injected and what was seen of it, what is wrong, how long it took to recover."""

    injected: str
    seen: str
    verdict: Verdict = field(default_factory=Verdict)
    recovered: float | None = None
    """Seconds from the end of the fault until what it broke worked again: 10 at most (I6). None
    where it broke nothing that a fresh start, packet and stop afterwards would not show, or where
    what it waits for takes its time by design, such as a lease that runs out."""


class Stopwatch:
    """Measures from when it is made."""

    def __init__(self) -> None:
        self._began = monotonic()

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return monotonic() - self._began


def really(happened: object, what: str) -> None:
    """Raise Void unless the fault's trace was seen."""
    if not happened:
        raise Void(what)
