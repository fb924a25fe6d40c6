"""The port of a capture source: where packets come from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from contracts.order import MAX_SNAPLEN

Instruction = tuple[int, int, int, int]
"""code, jt, jf, k: one instruction of the classic BPF machine."""

Frame = tuple[int, int, bytes]
"""A packet: time in nanoseconds since 1970, length on the wire, the bytes captured of it."""

FEW = 64
"""Packets: a read that gives fewer tells of a source where little comes."""


class SourceEnded(Exception):
    """The source has no more packets, as it should be: a file was read to its end."""


class Program(Protocol):
    """A compiled filter."""

    @property
    def instructions(self) -> Sequence[Instruction]:
        """For the kernel."""

    def matches(self, data: bytes, length: int) -> bool:
        """Whether a packet of `length` bytes on the wire passes."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One filter that must hold."""

    text: str
    program: Program


@dataclass(frozen=True, slots=True)
class Screen:
    """What a source lets through: packets that every rule holds for, cut to `snaplen` bytes."""

    rules: tuple[Rule, ...] = ()
    snaplen: int = MAX_SNAPLEN

    def take(self, frame: Frame) -> Frame | None:
        """The frame, cut; None where a rule does not hold."""
        at, length, data = frame
        if all(rule.program.matches(data, length) for rule in self.rules):
            return at, length, data[: self.snaplen]
        return None


@dataclass(frozen=True, slots=True)
class Counters:
    """Running totals since the source was opened, by its own counting."""

    seen: int = 0
    """Packets that passed the screen, whether there was room for them or not."""
    dropped: int = 0
    """Those for which there was no room."""


class Source(Protocol):
    """Where packets come from. One thread uses it, from `open` to `close`.

    `linktype` may be asked before. What `seen` counts and `dropped` does not comes out of `read`,
    sooner or later; after `halt` all of it.
    """

    filters_in_kernel: bool
    """Whether the screen's programs run in the kernel, which keeps a VLAN tag beside its frame."""

    @property
    def slack(self) -> float:
        """For how many seconds nobody need read while little comes: it is kept for so long."""

    def linktype(self) -> int:
        """The link type (a LINKTYPE_ number). Raises CaptureFailed where there is no source."""

    def open(self, screen: Screen) -> None:
        """Let packets come in. Raises CaptureFailed."""

    def read(self, timeout: float) -> list[Frame]:
        """The next packets, a batch; none where none came within `timeout` seconds.

        Raises SourceEnded after the last packet, and CaptureFailed where the source broke;
        what is still in it can be read by calling again.
        """

    def halt(self) -> None:
        """Let nothing more in."""

    def statistics(self) -> Counters:
        """The counters, now."""

    def close(self) -> None:
        """Give everything back."""
