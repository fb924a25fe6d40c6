"""Where a bench ran: the machine, and the versions of what took part."""

import os
import platform
import re
import subprocess
import timeit
from importlib.metadata import version
from pathlib import Path

from tests.servers.mongo import mongod

_PACKAGES = ("motor", "pymongo", "websockets", "uvloop", "pydantic", "redis", "aio-pika", "scapy")

_TURNS = 2_000_000


def facts() -> dict[str, str]:
    """What stands above the table."""
    return {
        "machine": f"{os.cpu_count()} × {_processor()}, {_memory():.0f} GiB",
        "kernel": platform.release(),
        "load at the start": f"{os.getloadavg()[0]:.1f}",
        "python": platform.python_version(),
        "packages": ", ".join(f"{name} {version(name)}" for name in _PACKAGES),
        "programs": ", ".join(_programs()),
    }


def loop_ns() -> float:
    """Nanoseconds that a turn of an empty loop takes in Python: how fast the machine is just now.

    Where processors are shared it doubles at times, and every figure with it.
    """
    return min(timeit.repeat(number=_TURNS, repeat=3)) / _TURNS * 1e9


def _processor() -> str:
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.machine()


def _memory() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _programs() -> list[str]:
    return [
        f"mongod {_said(mongod(), '--version')}",
        f"Redis {_said('redis-server', '--version')}",
        f"RabbitMQ {_package('rabbitmq-server')}",
        f"tshark {_said('tshark', '--version')}",
        f"tcpdump {_said('tcpdump', '--version')}",
        f"trafgen {_said('trafgen', '--version')}",
    ]


def _said(*command: str) -> str:
    """The first number with dots in what a program says of its version."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except OSError:
        return "(missing)"
    found = re.search(r"\d+\.\d+(\.\d+)?", done.stdout + done.stderr)
    return found[0] if found else "(unknown)"


def _package(name: str) -> str:
    return _said("dpkg-query", "--show", "--showformat=${Version}", name)
