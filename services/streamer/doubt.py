"""Blocks that jump over very many packets: believed when a second one says the same. No I/O."""

from contracts.block import Block
from services.packets.endpoints.plausible import jumps


class Doubt:
    """What one reader of a capture's blocks makes of jumps in their numbers."""

    __slots__ = ("_first", "block")

    def __init__(self) -> None:
        self.block: int | None = None
        """The block that is doubted now."""
        self._first = 0

    def believes(self, block: Block, expected: int) -> bool:
        """Whether `block` may be what follows on packet `expected`, or is doubted for now."""
        if not jumps(block, expected):
            self.block = None
            return True
        confirmed = self.block is not None and block.block > self.block
        if confirmed and block.first >= self._first:
            self.block = None
            return True
        self.block, self._first = block.block, block.first
        return False
