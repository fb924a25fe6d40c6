"""A compiled filter, and running it over stored packets (bpf(4))."""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass, field

from services.packets.libpcap import BpfInstruction, Instruction, bpf_filter
from services.packets.pcapng import EPB_HEADER_SIZE, Frame

RETURN_CONSTANT = 0x06


@dataclass(frozen=True)
class Program:
    """A filter: its text, and its instructions, which return the bytes to keep, or 0 for none."""

    expression: str
    instructions: Sequence[Instruction]
    _code: ctypes.Array[BpfInstruction] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        rows = [BpfInstruction(*row) for row in self.instructions]
        code = (BpfInstruction * len(rows))(*rows)
        object.__setattr__(self, "_code", code)

    @classmethod
    def everything(cls, snaplen: int) -> "Program":
        """The filter that no packet fails."""
        return cls("", [(RETURN_CONSTANT, 0, 0, snaplen)])

    @property
    def matches_everything(self) -> bool:
        """Whether no packet can fail."""
        first = self.instructions[0]
        return first[0] == RETURN_CONSTANT and first[3] != 0

    def matches(self, data: bytes, length: int) -> bool:
        """Whether a packet of `length` bytes on the wire, of which `data` were kept, passes."""
        return bool(bpf_filter()(ctypes.addressof(self._code), data, length, len(data)))

    def passing(self, data: bytes, frames: Sequence[Frame]) -> list[int]:
        """The indices of those frames of a block whose packets pass; nothing is copied."""
        if self.matches_everything:
            return list(range(len(frames)))
        run, code = bpf_filter(), ctypes.addressof(self._code)
        packets = address_of(data) + EPB_HEADER_SIZE
        return [
            index
            for index, (_, length, captured, at, _) in enumerate(frames)
            if run(code, packets + at, length, captured)
        ]


def address_of(data: bytes) -> int:
    """Where the bytes lie in memory, for as long as `data` lives."""
    return ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value or 0
