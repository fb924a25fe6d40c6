"""How much memory processes come to hold, while something goes on."""

import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.bench import cpu

_EVERY = 0.25


def peak(pid: int) -> int:
    """The most bytes that were ever resident of a process, or since `forget_peak`."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def forget_peak(pid: int) -> None:
    """Count the peak anew (proc(5), clear_refs)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


class Sampler:
    """Looks at processes, their children with them, four times a second."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = dict(pids)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.samples: dict[str, list[int]] = {name: [] for name in pids}

    def grown(self, name: str) -> float:
        """By how much the last fifth's median is above that of the second fifth, in MiB."""
        samples = self.samples[name]
        fifth = max(1, len(samples) // 5)
        return (_middle(samples[-fifth:]) - _middle(samples[fifth : 2 * fifth])) / 2**20

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(_EVERY):
            for name, pid in self._pids.items():
                self.samples[name].append(cpu.used(pid).rss)


def _middle(samples: list[int]) -> float:
    ordered = sorted(samples)
    return float(ordered[len(ordered) // 2]) if ordered else float("nan")
