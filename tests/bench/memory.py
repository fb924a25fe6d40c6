"""How much memory processes come to hold, while something goes on."""

import threading
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
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
    """Looks at processes, their children with them, a few times a second."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = dict(pids)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.samples: dict[str, list[tuple[float, int]]] = {name: [] for name in pids}
        """Seconds since the begin, and bytes resident."""

    def grown(self, name: str) -> float:
        """By how much the last fifth's median is above that of the second fifth, in MiB."""
        sizes = [size for _, size in self.samples[name]]
        fifth = max(1, len(sizes) // 5)
        return (median(sizes[-fifth:]) - median(sizes[fifth : 2 * fifth])) / 2**20

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        began = time.monotonic()
        while not self._over.wait(_EVERY):
            for name, pid in self._pids.items():
                self.samples[name].append((time.monotonic() - began, cpu.used(pid).rss))
