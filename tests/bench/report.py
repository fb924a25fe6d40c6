"""What benches measured: rows with ours beside a peer's, and curves to plot."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Literal


@dataclass(frozen=True)
class Row:
    """One figure, measured several times, and what it is held against.

    With a peer, `ours` and `theirs` are pairs: run `i` of both stood side by side.
    """

    bench: str
    what: str
    unit: str
    ours: Sequence[float]
    better: Literal["higher", "lower"] = "higher"
    peer: str = ""
    """Who the peer is, with the settings it was run with."""
    theirs: Sequence[float] = ()
    budget: float | None = None
    budget_of: Literal["ours", "ratio"] = "ours"
    """Whether the budget is for our own figure, or for the ratio to the peer's."""
    notes: str = ""

    @property
    def median(self) -> float:
        """Ours, in the median."""
        return median(self.ours)

    @property
    def peer_median(self) -> float | None:
        """The peer's, in the median."""
        return median(self.theirs) if self.theirs else None

    @property
    def ratio(self) -> float | None:
        """How many times as good as the peer we are, in the median of the pairs."""
        pairs = zip(self.ours, self.theirs, strict=False)
        ratios = [better(self.better, ours, theirs) for ours, theirs in pairs]
        return median(ratios) if ratios else None

    @property
    def met(self) -> bool | None:
        """Whether the budget is met; None where there is none."""
        if self.budget is None:
            return None
        if self.budget_of == "ratio":
            return (self.ratio or 0.0) >= self.budget
        if self.better == "higher":
            return self.median >= self.budget
        return self.median <= self.budget


def better(direction: str, ours: float, theirs: float) -> float:
    """How many times as good `ours` is as `theirs`."""
    above, below = (ours, theirs) if direction == "higher" else (theirs, ours)
    if above == below:
        return 1.0
    return above / below if below else float("inf")


@dataclass(frozen=True)
class Curve:
    """Lines to plot: each a row of points (x, y) by its name."""

    bench: str
    title: str
    x: str
    y: str
    lines: dict[str, list[tuple[float, float]]]


@dataclass
class Report:
    """Where benches put what they measured. `quick` asks for runs as short as can be."""

    quick: bool = False
    rows: list[Row] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict)
    """What a reader must know to believe the figures: write concern, peers' settings."""
    failures: dict[str, str] = field(default_factory=dict)
    """Benches that broke, and how."""
    _began: float = field(default_factory=time.monotonic)

    @property
    def runs(self) -> int:
        """How many times to measure each thing."""
        return 1 if self.quick else 3

    def seconds(self, full: float) -> float:
        """How long a measuring run of `full` seconds is to take."""
        return max(1.0, full / 10) if self.quick else full

    def say(self, text: str) -> None:
        """A line of progress."""
        print(f"[{time.monotonic() - self._began:7.1f} s] {text}", flush=True)

    def add(self, row: Row) -> None:
        """Take a row, and show it."""
        self.rows.append(row)
        peer = f", {row.peer}: {row.peer_median:,.4g}" if row.peer_median is not None else ""
        self.say(f"{row.bench}: {row.what}: {row.median:,.4g} {row.unit}{peer}")

    def plot(self, curve: Curve) -> None:
        """Take a curve."""
        self.curves.append(curve)
