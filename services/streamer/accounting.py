"""One viewer's account: every number from its first to its next is sent, filtered, skipped or
missing. No I/O."""

from dataclasses import dataclass, field
from typing import NamedTuple

from contracts.block import Block
from contracts.stream import GapReason
from services.streamer.doubt import Doubt


class Hole(NamedTuple):
    """Packets that a viewer does not get; kernel drops have no numbers, so no `first`."""

    reason: GapReason
    first: int | None
    packets: int


class Meeting(NamedTuple):
    """What a viewer finds when it meets the next block."""

    cut: int
    """Packets at the block's start that lie before what the viewer wants."""
    holes: tuple[Hole, ...]
    """What is missing before it."""


_WHOLE = Meeting(0, ())


@dataclass(slots=True)
class Account:
    """The counts of one flow, from `start` to `stop` or the end.

    `next` less `first` is `sent` + `filtered` + `skipped` + `missing`, after every call.
    """

    first: int = 0
    block: int = 0
    """Number of the block that is wanted next."""
    dropped: int = 0
    """Running total of the kernel's drops as far as the viewer knows, or need not know."""
    next: int = field(init=False)
    sent: int = 0
    filtered: int = 0
    skipped: int = 0
    missing: int = 0
    _doubt: bool = field(default=False, init=False)
    _jumps: Doubt = field(default_factory=Doubt, init=False)

    def __post_init__(self) -> None:
        self.next = self.first

    def meet(self, block: Block) -> Meeting | None:
        """Take in the next block, up to its first packet that is wanted.

        None where the block is set aside: its numbers do not follow on those before, and what it
        held becomes a hole of unknown reason.
        """
        if self._awaits(block):
            self.block += 1
            return _WHOLE
        if not self._follows(block):
            self.pass_over(block.block)
            return None
        reason: GapReason = "unknown" if self._doubt or block.block > self.block else "agent-drop"
        holes = (*self.miss(block.first, reason), *self.drop(block.dropped))
        self.block = block.block + 1
        self._doubt = False
        return Meeting(self.next - block.first, holes)

    def deliver(self, sent: int, filtered: int) -> None:
        """Count packets that the viewer was sent, and those its filter kept back."""
        self.sent += sent
        self.filtered += filtered
        self.next += sent + filtered

    def pass_over(self, block: int) -> None:
        """Give a block up: whatever is missing because of it has no known reason."""
        self.block = max(self.block, block + 1)
        self._doubt = True

    def skip(self, block: Block) -> tuple[Hole, ...]:
        """Leap to `block`, because the viewer was too slow for what lies before it."""
        count = max(0, block.first - self.next)
        hole = Hole("slow-viewer", self.next, count)
        self.skipped += count
        self.next += count
        self.block = block.block
        return (hole,) if count else ()

    def miss(self, until: int, reason: GapReason) -> tuple[Hole, ...]:
        """Count the numbers from here up to `until` as missing."""
        count = max(0, until - self.next)
        hole = Hole(reason, self.next, count)
        self.missing += count
        self.next += count
        return (hole,) if count else ()

    def drop(self, total: int) -> tuple[Hole, ...]:
        """Take in the kernel's running total of drops."""
        count = max(0, total - self.dropped)
        self.dropped += count
        return (Hole("kernel-drop", None, count),) if count else ()

    def _awaits(self, block: Block) -> bool:
        """Whether it is just what is wanted next, as nearly every block of every viewer is."""
        return (
            block.first == self.next
            and block.block == self.block
            and block.dropped <= self.dropped
            and not self._doubt
            and self._jumps.block is None
        )

    def _follows(self, block: Block) -> bool:
        in_order = block.first >= self.next or self.next == self.first
        return in_order and block.block >= self.block and self._jumps.believes(block, self.next)
