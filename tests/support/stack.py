"""Capflow as a newcomer runs it: real processes, known from outside only."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Self
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tests.servers.ports import free_ports

ADMIN_KEY = "test-admin-key-0123456789abcdef"
TICKET_SECRET = "test-ticket-secret-0123456789abcdef"
RESOURCE = "host-1"
READY_SECONDS = 60.0
SERVICES = ("dispatcher", "streamer", "gateway", "agent")


class Process:
    """One `capflow` process, its log in a file, its readiness asked for over HTTP."""

    def __init__(self, command: str, environment: Mapping[str, str], port: int, log: Path) -> None:
        self.command = command
        self.environment = dict(environment)
        self.port = port
        self.log = log
        self.inside: Sequence[str] = ()
        """A command that runs it elsewhere, such as in a network namespace."""
        self.child: subprocess.Popen[bytes] | None = None

    def spawn(self) -> Self:
        """Start it, without waiting."""
        program = Path(sys.executable).with_name("capflow")
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                [*self.inside, program, self.command],
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self

    def wait_ready(self) -> Self:
        """Return when it says that it is ready."""
        deadline = time.monotonic() + READY_SECONDS
        while not self._ready():
            assert self.child is not None
            assert self.child.poll() is None, f"{self.command} ended:\n{self.tail()}"
            assert time.monotonic() < deadline, f"{self.command} is not ready:\n{self.tail()}"
            time.sleep(0.05)
        return self

    def start(self) -> Self:
        """Start it, and return when it is ready."""
        return self.spawn().wait_ready()

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self.child is not None
        self.child.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        if self.child is not None and self.child.poll() is None:
            self.child.kill()
            self.child.wait()

    def terminate(self, timeout: float = 20) -> int:
        """SIGTERM; its exit status."""
        assert self.child is not None
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        return self.child.wait(timeout)

    def tail(self, size: int = 4000) -> str:
        """The end of what it wrote."""
        return self.log.read_text(errors="replace")[-size:]

    def _ready(self) -> bool:
        try:
            # It is asked often: an HTTP client with all that HTTPS needs would cost more than it.
            with urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (OSError, HTTPException):
            return False


class Stack:
    """The four services: in one process, or each in its own on the servers named in `servers`."""

    def __init__(self, folder: Path, servers: Mapping[str, str] | None = None, **more: str) -> None:
        self.folder = folder
        self.ports = dict(zip(SERVICES, free_ports(4), strict=True))
        self.environment = {**self._environment(), **(servers or {}), **more}
        commands = SERVICES if servers else ("up",)
        self.processes = {command: self.process(command) for command in commands}

    @property
    def rest(self) -> str:
        """The gateway's address."""
        return f"http://127.0.0.1:{self.ports['gateway']}"

    def process(self, command: str, name: str | None = None, **changes: str) -> Process:
        """A process of this stack, not started; another of its kind gets a `name` of its own."""
        port = self.ports["gateway" if command == "up" else command]
        if name is not None:
            port = free_ports(1)[0]
            changes[f"CAPFLOW_{command.upper()}_PORT"] = str(port)
        log = self.folder / f"{name or command}.log"
        return Process(command, {**self.environment, **changes}, port, log)

    def start(self) -> Self:
        """Start all, and return when each is ready."""
        for process in self.processes.values():
            process.spawn()
        for process in self.processes.values():
            process.wait_ready()
        self._wait_online()
        return self

    def close(self) -> None:
        """End all."""
        for process in self.processes.values():
            process.kill()

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        self.close()

    def _wait_online(self) -> None:
        """Return when the gateway shows the agent online: only then can it be started on."""
        deadline = time.monotonic() + READY_SECONDS
        while not self._online():
            assert time.monotonic() < deadline, f"{RESOURCE} does not come online"
            time.sleep(0.05)

    def _online(self) -> bool:
        url = f"{self.rest}/v1/resources/{RESOURCE}"
        request = Request(url, headers={"Authorization": f"Bearer {ADMIN_KEY}"})
        try:
            with urlopen(request, timeout=10) as answer:
                return bool(json.load(answer)["online"])
        except HTTPError:
            return False

    def _environment(self) -> dict[str, str]:
        services = self.folder / "services.toml"
        services.write_text('[services.lo]\ninterface = "lo"\n[services.udp]\ninterface = "lo"\n'
                            'filter = "udp"\nsnaplen = 256\n')  # fmt: skip
        return {
            "CAPFLOW_DATA": str(self.folder / "data"),
            "CAPFLOW_RESOURCE": RESOURCE,
            "CAPFLOW_SERVICES": str(services),
            "CAPFLOW_ADMIN_KEY": ADMIN_KEY,
            "CAPFLOW_TICKET_SECRET": TICKET_SECRET,
            # Small, so that a viewer falls behind however slow the machine sends.
            "CAPFLOW_VIEWER_QUEUE": "1MiB",
            **{f"CAPFLOW_{name.upper()}_PORT": str(port) for name, port in self.ports.items()},
        }
