"""A server as a private child process that a fault test may kill, freeze and start again."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

START_SECONDS = 60.0
STOP_SECONDS = 15.0


class ServerMissing(Exception):
    """A server that tests need is not to be had; the text says what to do."""


class ServerFailed(Exception):
    """A server did not start; the text ends with what it wrote."""


class Server(ABC):
    """One server in a temporary folder, on ports that stay the same over restarts.

    Every call blocks; a test that must go on meanwhile uses `asyncio.to_thread`.
    """

    name: str

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"capflow-{self.name}-"))
        self.data = self.folder / "data"
        self.log = self.folder / "output.log"
        self._child: subprocess.Popen[bytes] | None = None
        self._leash: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """The program and its arguments."""

    @abstractmethod
    def ready(self) -> bool:
        """Whether the server does what tests need."""

    def environment(self) -> Mapping[str, str]:
        """What the program needs besides our own environment."""
        return {}

    def initialise(self) -> None:
        """Set up a server whose data is empty; most need nothing."""
        return

    def start(self) -> Self:
        """Start, and return when it is ready; empty data is set up first."""
        fresh = not self.data.exists()
        self.data.mkdir(exist_ok=True)
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                self.command(),
                env={**os.environ, **self.environment()},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._leash = leash(self._child.pid)
        self._wait(self.listening)
        if fresh:
            self.initialise()
        self.wait_ready()
        return self

    def wait_ready(self) -> None:
        """Return when it does what tests need."""
        self._wait(self.ready)

    def listening(self) -> bool:
        """Whether `initialise` may be called."""
        return self.ready()

    def stop(self) -> None:
        """End it in an orderly way, or by force when it does not."""
        if self._child is None:
            return
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(STOP_SECONDS)
        self.kill()

    def kill(self) -> None:
        """SIGKILL, as a crash or the kernel would."""
        if self._child is None:
            return
        self.signal(signal.SIGKILL)
        self._child.wait()
        release(self._leash)
        self._child = self._leash = None

    def freeze(self) -> None:
        """SIGSTOP: its connections stay open and nothing answers."""
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT after `freeze`."""
        self.signal(signal.SIGCONT)

    def restart(self, *, keep_data: bool = True) -> None:
        """Kill it if it runs, and start it on the same ports with its data or with none."""
        self.kill()
        if not keep_data:
            shutil.rmtree(self.data)
        self.start()

    def close(self) -> None:
        """Kill it, since nobody needs its data any more, and remove its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the server and its own children."""
        if self._child is not None and self._child.poll() is None:
            os.killpg(self._child.pid, number)

    @property
    def running(self) -> bool:
        """Whether its process is there, frozen or not."""
        return self._child is not None and self._child.poll() is None

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        assert self._child is not None, f"{self.name} does not run"
        return self._child.pid

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        self.close()

    def _wait(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not condition():
            if self._child is None or self._child.poll() is not None:
                raise ServerFailed(f"{self.name} ended at its start:\n{self._tail()}")
            if time.monotonic() > deadline:
                raise ServerFailed(f"{self.name} was not ready in time:\n{self._tail()}")
            time.sleep(0.05)

    def _tail(self) -> str:
        return self.log.read_text(errors="replace")[-2000:]


def program(name: str, variable: str) -> str:
    """The path of an installed program, or an error that says how to come by one."""
    path = shutil.which(name)
    if path is None:
        raise ServerMissing(f"{name} is not installed: run `make setup`, or set {variable}")
    return path


def leash(pid: int) -> subprocess.Popen[bytes]:
    """Kills the group of `pid` when we are gone, however we went: its standard input ends then."""
    script = 'read _ || kill -KILL "-$1"'  # dash knows no `--` here
    return subprocess.Popen(
        ["sh", "-c", script, "leash", str(pid)], stdin=subprocess.PIPE, start_new_session=True
    )


def release(held: subprocess.Popen[bytes] | None) -> None:
    """Take a leash off."""
    if held is not None:
        held.kill()
        held.communicate()
