"""Which packets of a block a viewer gets."""

from typing import NamedTuple

from contracts.block import Block
from services.packets.pcapng import Frame, Malformed, frames_joined, frames_of
from services.packets.program import Program


class Selection(NamedTuple):
    """Packets of one block, in order."""

    data: bytes
    """The block's."""
    numbers: list[int]
    """The packets' numbers in the capture."""
    frames: list[Frame]
    """Where each lies in `data`."""
    considered: int
    """How many there were before the filter: it kept back those that are not in `frames`."""

    @property
    def captured(self) -> int:
        """Captured bytes of the packets selected."""
        return sum(frame[2] for frame in self.frames)

    def pcapng(self) -> bytes:
        """Their Enhanced Packet Blocks, unchanged."""
        return frames_joined(self.data, self.frames)


def select(
    block: Block, *, first: int = 0, below: int | None = None, program: Program | None = None
) -> Selection:
    """The packets of a block from number `first` on, and below another, that pass a filter.

    Raises Malformed where the block does not hold what it says.
    """
    every = _frames(block)
    start = max(first - block.first, 0)
    stop = len(every) if below is None else max(below - block.first, 0)
    frames = every[start:stop]
    offset = block.first + start
    if program is None or program.matches_everything:
        numbers = list(range(offset, offset + len(frames)))
        return Selection(block.data, numbers, frames, len(frames))
    passed = program.passing(block.data, frames)
    kept = [frames[index] for index in passed]
    return Selection(block.data, [offset + index for index in passed], kept, len(frames))


def _frames(block: Block) -> list[Frame]:
    frames = frames_of(block.data)
    if len(frames) != block.count:
        raise Malformed(f"block {block.id} holds {len(frames)} packets and says {block.count}")
    return frames
