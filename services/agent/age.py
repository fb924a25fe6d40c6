"""How old an open block gets before it closes, though it is not full.

A block costs agent, store and streamer about the same however little is in it, so many quiet
captures are limited by their blocks, not by their packets.
"""

from collections.abc import Iterator
from contextlib import contextmanager

LEAST = 0.02
"""Seconds, for a few captures."""
MOST = 0.15
FOR_EACH = 0.0015
"""Seconds for each capture, once that is more than the least."""
RETIRE = 0.4
"""Of that age, what packets may wait in the ring."""


class BlockAge:
    """The age for each of the captures that run in this process."""

    def __init__(self) -> None:
        self._captures = 0

    @contextmanager
    def shared(self) -> Iterator[None]:
        """One capture more runs meanwhile."""
        self._captures += 1
        try:
            yield
        finally:
            self._captures -= 1

    @property
    def seconds(self) -> float:
        """After its first packet, when a block closes."""
        return min(MOST, max(LEAST, self._captures * FOR_EACH))

    @property
    def retire(self) -> float:
        """Seconds after which the kernel is to hand over a block of a ring that is not full: its
        timer goes off so often for each ring, whether packets come or not."""
        return self.seconds * RETIRE
