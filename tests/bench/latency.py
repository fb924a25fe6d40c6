"""From what a watching viewer saw to latencies: of packets, not of frames."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from tests.bench.watching import Arrival

_SAMPLES = 16
"""Points between the first and the last packet of a frame."""


@dataclass(frozen=True)
class Latencies:
    """Milliseconds from a packet's capture time to its arrival."""

    p50: float
    p99: float
    most: float


def latencies(arrivals: Sequence[Arrival]) -> Latencies:
    """Percentiles over all packets, each frame's spread evenly between its first and last."""
    samples = sorted(sample for arrival in arrivals for sample in _samples(arrival))
    reached = list(accumulate(weight for _, weight in samples))
    if not samples:
        return Latencies(float("inf"), float("inf"), float("inf"))

    def at(share: float) -> float:
        return samples[bisect_left(reached, share * reached[-1] - 1e-9)][0] * 1000

    return Latencies(at(0.5), at(0.99), samples[-1][0] * 1000)


def by_second(arrivals: Sequence[Arrival]) -> list[tuple[float, float]]:
    """The worst latency of each second of the run, in milliseconds."""
    worst: dict[int, float] = {}
    begin = arrivals[0][0] if arrivals else 0.0
    for at, first, last, _ in arrivals:
        second = int(at - begin)
        worst[second] = max(worst.get(second, 0.0), first * 1000, last * 1000)
    return [(float(second), most) for second, most in sorted(worst.items())]


def _samples(arrival: Arrival) -> Iterable[tuple[float, float]]:
    _, first, last, packets = arrival
    points = min(_SAMPLES, packets)
    if points == 1:
        return [(first, 1.0)]
    step = (last - first) / (points - 1)
    return [(first + step * number, packets / points) for number in range(points)]
