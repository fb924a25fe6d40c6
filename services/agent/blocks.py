"""The rules by which packets become blocks: when one closes, and how packets are numbered."""

from dataclasses import dataclass

from contracts.block import MAX_BLOCK_BYTES, Block
from services.agent.age import BlockAge
from services.agent.framing import Framer
from services.agent.source import Frame

FULL_BYTES = 512 << 10
"""A block closes when its data has reached this; what it may take on top is one packet."""
FULL_PACKETS = 2000


@dataclass(frozen=True, slots=True)
class Draft:
    """A block that has no number yet: it gets one when the store's queue has room for it."""

    first: int
    count: int
    first_ts: int
    last_ts: int
    size: int
    dropped: int
    data: bytes

    def numbered(self, session: str, block: int) -> Block:
        """The block as it is stored."""
        return Block(
            session=session,
            block=block,
            first=self.first,
            count=self.count,
            first_ts=self.first_ts,
            last_ts=self.last_ts,
            size=self.size,
            dropped=self.dropped,
            data=self.data,
        )


class BlockBuilder:
    """Takes packets in their order and gives blocks."""

    def __init__(self, framer: Framer, age: BlockAge) -> None:
        self._framer = framer
        self._age = age
        self._buffer = bytearray(MAX_BLOCK_BYTES)
        self._next = 0
        self._count = self._position = self._size = 0
        self._first_ts = self._last_ts = 0
        self._due: float | None = None

    @property
    def next(self) -> int:
        """The number of the next packet."""
        return self._next

    @property
    def age(self) -> float:
        """Seconds after its first packet at which a block begun now will close."""
        return self._age.seconds

    @property
    def due(self) -> float | None:
        """When the open block must close, by the clock of `add`; None while none is open."""
        return self._due

    def add(self, frames: list[Frame], now: float, dropped: int) -> list[Draft]:
        """Take packets read at `now`; the blocks that are full with them.

        `dropped` is the kernel's running total of drops, which the blocks carry.
        """
        full: list[Draft] = []
        while frames:
            taken = self._take(frames[: FULL_PACKETS - self._count], now)
            frames = frames[taken:] if taken < len(frames) else []
            if self._count == FULL_PACKETS or self._position >= FULL_BYTES:
                full.append(self._close(dropped))
        return full

    def flush(self, dropped: int) -> list[Draft]:
        """The open block, closed; none where no packet waits."""
        return [self._close(dropped)] if self._count else []

    def _take(self, frames: list[Frame], now: float) -> int:
        """Write frames into the open block until it is full; how many."""
        if not self._count:
            self._first_ts = frames[0][0]
            self._due = now + self._age.seconds
        self._position, taken, size = self._framer.write(
            self._buffer, self._position, frames, FULL_BYTES
        )
        self._count += taken
        self._size += size
        self._last_ts = frames[taken - 1][0]
        return taken

    def _close(self, dropped: int) -> Draft:
        draft = Draft(
            first=self._next,
            count=self._count,
            first_ts=self._first_ts,
            last_ts=self._last_ts,
            size=self._size,
            dropped=dropped,
            data=bytes(memoryview(self._buffer)[: self._position]),
        )
        self._next += self._count
        self._count = self._position = self._size = 0
        self._due = None
        return draft
