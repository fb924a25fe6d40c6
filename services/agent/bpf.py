"""Several compiled filters as one program for the kernel (classic BPF, linux/filter.h).

Each filter was compiled alone and stays alone: they are chained by their instructions and not by
their text, because in pcap-filter's language `vlan` or `mpls` in one filter would shift what the
next one reads, and so let our own traffic through.
"""

from collections.abc import Sequence
from itertools import chain as joined

from services.agent.source import Instruction, Screen

_JUMP, _RETURN = 0x05, 0x06

NOTHING: list[Instruction] = [(_RETURN, 0, 0, 0)]
"""A program that no packet passes."""


def chain(screen: Screen) -> list[Instruction]:
    """One program: what every rule passes, cut to the screen's snap length."""
    parts = [_and_then(rule.program.instructions) for rule in screen.rules]
    return [*joined.from_iterable(parts), (_RETURN, 0, 0, screen.snaplen)]


def _and_then(program: Sequence[Instruction]) -> list[Instruction]:
    """The program, which goes on behind its end where it used to let a packet pass."""
    end = len(program) - 1
    return [
        (_JUMP, 0, 0, end - at) if line[0] == _RETURN and line[3] else line
        for at, line in enumerate(program)
    ]
