"""One running capture, as the live exports of it share it: its record, and its newest blocks."""

import asyncio
from collections import OrderedDict

from contracts.block import Block
from contracts.task import Capture

RECENT_BYTES = 4 << 20
"""Of more recent blocks the oldest go (forget-oldest): who is behind reads the store."""


class Followed:
    """What is known now. `bell` rings when there is more: take it before looking, then wait."""

    def __init__(self, capture: Capture) -> None:
        self.capture = capture
        self.bell = asyncio.Event()
        self.readers = 0
        self.removed = False
        """Whether the session was removed from the store."""
        self.closed = False
        """Whether the gateway ends."""
        self._recent: OrderedDict[int, Block] = OrderedDict()
        self._size = 0

    @property
    def over(self) -> bool:
        """Whether no block can come that is not in the store already."""
        return self.removed or self.capture.state.ended

    @property
    def begun(self) -> bool:
        """Whether what stands before the first packet is known."""
        return self.over or self.capture.linktype is not None

    def recent(self, number: int) -> Block | None:
        """Block `number`, if it came lately."""
        return self._recent.get(number)

    def ring(self) -> None:
        """Wake who waits."""
        self.bell.set()
        self.bell = asyncio.Event()

    def arrive(self, block: Block) -> None:
        """Take in a block; one that came before changes nothing."""
        if block.block in self._recent:
            return
        self._recent[block.block] = block
        self._size += len(block.data)
        while self._size > RECENT_BYTES and len(self._recent) > 1:
            _, oldest = self._recent.popitem(last=False)
            self._size -= len(oldest.data)
        self.ring()

    def record(self, capture: Capture) -> None:
        """Take in the record, or the task; one read before the end may come after it."""
        if self.capture.state.ended and not capture.state.ended:
            return
        if capture.linktype is None:
            capture = capture.model_copy(update=self.capture.watched())
        news = (capture.state, capture.linktype) != (self.capture.state, self.capture.linktype)
        self.capture = capture
        if news:
            self.ring()

    def vanish(self) -> None:
        """The session was removed."""
        self.removed = True
        self.ring()

    def close(self) -> None:
        """The gateway ends."""
        self.closed = True
        self.ring()
