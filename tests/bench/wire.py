"""A wire of a bench: a veth pair whose far end is in a namespace, and a generator at that end.

What is sent as fast as can be is sent by trafgen(8), what is paced by `pacer`.

Frames are UDP over IPv4 between addresses that nobody has, so the kernel throws them away behind
the tap. The IPv4 identification counts them (modulo 65,536). Each wire has its own names, so that
two benches may run at once.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self
from uuid import uuid4

from tests.bench import cpu

HEADERS = 14 + 20 + 8
PORT = 4001
FILTER = f"udp dst port {PORT}"
"""Only the frames of a wire pass."""
DISTINCT = 512
"""How many frames differ in their payload, which is random: databases compress it as little as
they would TLS. A power of two, so that the identification counts on over the wrap."""

_FRAME = (
    "{{ eth(da=02:00:00:00:00:01, sa=02:00:00:00:00:02),"
    " ipv4(id=dinc({number}, 65535, {distinct}), sa=10.255.0.1, da=10.255.0.2),"
    " udp(sp={source}, dp={port}), {payload} }}\n"
)


class Wire:
    """`near` is an interface of this host; what the generator sends comes in there."""

    def __init__(self) -> None:
        name = uuid4().hex[:5]
        self.namespace = f"cfbench{name}"
        self.near = f"cfb{name}n"
        self.far = f"cfb{name}f"
        self._folder = TemporaryDirectory(prefix="cfbench-")

    def __enter__(self) -> Self:
        _run("ip", "netns", "add", self.namespace)
        try:
            self._lay()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _lay(self) -> None:
        inside = ("ip", "netns", "exec", self.namespace)
        _run("ip", "link", "add", self.near, "type", "veth", "peer", "name", self.far)
        _run("ip", "link", "set", self.far, "netns", self.namespace)
        _run("sysctl", "-qw", f"net.ipv6.conf.{self.near}.disable_ipv6=1")
        _run(*inside, "sysctl", "-qw", f"net.ipv6.conf.{self.far}.disable_ipv6=1")
        _run("ip", "link", "set", self.near, "up")
        _run(*inside, "ip", "link", "set", self.far, "up")

    def __exit__(
        self, _type: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        subprocess.run(["ip", "link", "del", self.near], capture_output=True)
        _run("ip", "netns", "del", self.namespace)
        self._folder.cleanup()

    def generator(self, count: int, size: int = 200, rate: float | None = None) -> "Generator":
        """Begin to send `count` frames of `size` bytes, evenly or as fast as can be."""
        if rate is not None:
            return self._paced(rate, size, count)
        return self._inside(
            *("trafgen", "--dev", self.far, "--in", str(self._recipe(size)), "--cpus", "1"),
            *("--num", str(count), "--no-cpu-stats", "--no-sock-mem"),
        )

    def even(self, rate: float, size: int = 200) -> "Generator":
        """Begin to send `rate` frames a second, evenly and for ever."""
        return self._paced(rate, size)

    def send(self, count: int, size: int = 200, rate: float | None = None) -> float:
        """Send frames, and return when all are sent; how many seconds that took."""
        return self.generator(count, size, rate).wait()

    def _recipe(self, size: int) -> Path:
        path = Path(self._folder.name) / f"{size}.cfg"
        if not path.exists():
            noise = random.Random(size)
            path.write_text("".join(self._frame(n, size, noise) for n in range(DISTINCT)))
        return path

    def _frame(self, number: int, size: int, noise: random.Random) -> str:
        payload = ", ".join(map(str, noise.randbytes(size - HEADERS)))
        return _FRAME.format(
            number=number, distinct=DISTINCT, source=4000, port=PORT, payload=payload
        )

    def _paced(self, rate: float, size: int, *count: int) -> "Generator":
        numbers = (str(rate), str(size), *map(str, count))
        paced = self._inside(sys.executable, "-m", "tests.bench.pacer", self.far, *numbers)
        paced.wait_ready()
        return paced

    def _inside(self, *command: str) -> "Generator":
        return Generator(["ip", "netns", "exec", self.namespace, *command])


class Generator:
    """A generator at work."""

    def __init__(self, command: list[str]) -> None:
        self._began = time.monotonic()
        self._child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    @property
    def pid(self) -> int:
        """Its process."""
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether it still sends."""
        return self._child.poll() is None

    def wait(self) -> float:
        """Return when all is sent; the seconds since it began."""
        output, _ = self._child.communicate()
        assert self._child.returncode == 0, output.decode(errors="replace")
        return time.monotonic() - self._began

    def wait_ready(self) -> None:
        """Return when a pacer begins to send, and time it from then on."""
        assert self._child.stdout is not None
        assert self._child.stdout.readline() == b"ready\n"
        self._began = time.monotonic()

    def stop(self) -> None:
        """Send no more. trafgen waits for its children, which must be told themselves."""
        for pid in reversed(cpu.tree(self.pid) if self.running else []):
            os.kill(pid, signal.SIGTERM)
        self._child.communicate()


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr or done.stdout}"
