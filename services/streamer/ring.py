"""The newest blocks of one session, shared by its viewers, in bounded memory. No I/O."""

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from contracts.block import Block
from services.packets.endpoints.plausible import fault_of
from services.streamer.encode import Batch, Shape


@dataclass(slots=True)
class Entry:
    """A block, and the batches made of it so far: one for each shape, shared by all viewers."""

    block: Block
    batches: dict[Shape, Batch] = field(default_factory=dict)
    size: int = field(init=False)
    """Bytes that this entry holds."""
    fault: str | None = field(init=False)
    """What is wrong with the block by itself."""

    def __post_init__(self) -> None:
        self.size = len(self.block.data)
        self.fault = fault_of(self.block)

    def keep(self, shape: Shape, batch: Batch) -> None:
        """Keep a batch for other viewers."""
        self.batches[shape] = batch
        self.size += batch.extra


class Holder(Protocol):
    """Where entries are kept, within a bound that counts their batches."""

    def share(self, entry: Entry, shape: Shape, batch: Batch) -> None:
        """Keep a batch of an entry for other viewers."""


class Ring:
    """Blocks `start` up to `head`, but those that the store does not have.

    When they take more than `limit` bytes the oldest go; the newest always stays.
    """

    def __init__(self, limit: int, head: int = 0) -> None:
        self.limit = limit
        self.start = head
        self.head = head
        """Number of the block that comes next."""
        self.size = 0
        self._entries: deque[Entry] = deque()

    @property
    def newest(self) -> Entry | None:
        """The last entry."""
        return self._entries[-1] if self._entries else None

    def append(self, block: Block) -> None:
        """Take in the next block."""
        entry = Entry(block)
        self._entries.append(entry)
        self.head = block.block + 1
        self._grow(entry.size)

    def share(self, entry: Entry, shape: Shape, batch: Batch) -> None:
        """Keep a batch of an entry for other viewers."""
        entry.keep(shape, batch)
        self._grow(batch.extra if entry.block.block >= self.start else 0)

    def clear(self, head: int) -> None:
        """Forget all, and go on at block `head`."""
        self._entries.clear()
        self.size = 0
        self.start = self.head = head

    def get(self, number: int) -> Entry | None:
        """The entry of block `number`, or else the first one after it."""
        index = self._index(number)
        return self._entries[index] if index < len(self._entries) else None

    def with_packet(self, number: int) -> Entry | None:
        """The entry that holds packet `number`; None where it lies before the oldest."""
        index = bisect_left(self._entries, number + 1, key=lambda entry: entry.block.next)
        if index == len(self._entries):
            return None
        entry = self._entries[index]
        return entry if index > 0 or entry.block.first <= number else None

    def _index(self, number: int) -> int:
        """Where block `number` would stand: by its distance while there is no hole."""
        index = number - self._entries[0].block.block if self._entries else 0
        if 0 <= index < len(self._entries) and self._entries[index].block.block == number:
            return index
        return bisect_left(self._entries, number, key=lambda entry: entry.block.block)

    def _grow(self, size: int) -> None:
        self.size += size
        while self.size > self.limit and len(self._entries) > 1:
            gone = self._entries.popleft()
            self.size -= gone.size
            self.start = gone.block.block + 1
