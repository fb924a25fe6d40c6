"""CPU seconds and memory of processes, their threads and their children, as proc(5) tells them."""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PARENT = 1
_UTIME = 11
"""Where in `stat`, counted after the name in brackets, user time stands; the system's follows,
and then both of the children that have been waited for."""


@dataclass(frozen=True)
class Used:
    """What a process and its children have used since they began."""

    cpu: float
    """Seconds, of user and system."""
    rss: int
    """Bytes resident now."""


def used(pid: int) -> Used:
    """What `pid` and all of its children use; nothing of those that are gone."""
    pids = tree(pid)
    return Used(sum(map(_cpu, pids)), sum(map(rss, pids)))


def tree(pid: int) -> list[int]:
    """The process and its children, and theirs."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            parent = int(_fields(stat)[_PARENT])
            children.setdefault(parent, []).append(int(stat.parent.name))
    pids = [pid]
    for one in pids:
        pids += children.get(one, [])
    return pids


def pin(pid: int, core: int) -> None:
    """Let a process, its threads and its children run on one core and no other."""
    for one in tree(pid):
        for thread in Path(f"/proc/{one}/task").iterdir():
            with suppress(ProcessLookupError):
                os.sched_setaffinity(int(thread.name), {core})


def rss(pid: int) -> int:
    """Bytes resident of one process."""
    with suppress(FileNotFoundError, ProcessLookupError):
        resident = Path(f"/proc/{pid}/statm").read_text().split()[1]
        return int(resident) * os.sysconf("SC_PAGE_SIZE")
    return 0


class Meter:
    """CPU that named processes use from its making on."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = dict(pids)
        self._before = {name: used(pid).cpu for name, pid in self._pids.items()}

    def seconds(self) -> dict[str, float]:
        """CPU seconds since then, by name."""
        return {name: used(pid).cpu - self._before[name] for name, pid in self._pids.items()}


def on_processor(pid: int) -> float:
    """Seconds that one process has been on a processor, to the nanosecond."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def busy() -> float:
    """Seconds that all processors together have been at work since the machine started."""
    with Path("/proc/stat").open() as stat:
        user, nice, system, _idle, _wait, irq, softirq = map(int, stat.readline().split()[1:8])
    return (user + nice + system + irq + softirq) / _TICKS


def _cpu(pid: int) -> float:
    with suppress(FileNotFoundError, ProcessLookupError):
        times = _fields(Path(f"/proc/{pid}/stat"))[_UTIME : _UTIME + 4]
        return sum(map(int, times)) / _TICKS
    return 0.0


def _fields(stat: Path) -> list[str]:
    """The fields after the process's name, which may hold anything."""
    return stat.read_text().rpartition(")")[2].split()
