"""Systems that carry packets from a wire to a viewer, all run the same way: ours, and peers."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any, Protocol

import httpx2

from tests.bench import cpu
from tests.bench.cpu import Meter
from tests.bench.latency import Latencies, latencies
from tests.bench.servers import pids_of
from tests.bench.wire import Wire
from tests.servers.ports import free_ports
from tests.support.servers import Servers
from tests.support.stack import ADMIN_KEY, RESOURCE, Stack

SERVICE = "wire"
_PAUSE = 1.0
"""Seconds after which no capture is named like the one before."""
_LIMITS = {"seconds": 3600, "bytes": 1 << 44}


@dataclass(frozen=True)
class Run:
    """What came of `sent` packets."""

    sent: int
    others: float
    """Share of the processors that went to what is no part of this, meanwhile."""
    seen: dict[str, Any]
    """As `watching.Seen`."""
    dropped: int
    """Packets that the kernel had no room for."""
    cpu: dict[str, float]
    """CPU seconds, by process."""
    metered: float
    """When that was (seconds since 1970): as the last was sent."""
    ledger: dict[str, int] | None = None

    @property
    def lost(self) -> int:
        """Packets that were sent and did not reach the viewer; one that came twice came once."""
        return self.sent - int(self.seen["packets"] - self.seen["repeats"])

    @property
    def closes(self) -> bool:
        """Whether the ledger of what we sent closes, to the packet."""
        book = self.ledger
        if book is None:
            return True
        taken = book["captured"] + book["dropped_kernel"] + book["beyond_limit"]
        kept = book["stored"] + book["dropped_agent"]
        return book["seen"] == taken == self.sent and book["captured"] == kept

    @property
    def rate(self) -> float:
        """Packets a second that were sent: by the capture times of the first and last that came."""
        arrivals = self.seen["arrivals"]
        begin, end = arrivals[0][0] - arrivals[0][1], arrivals[-1][0] - arrivals[-1][2]
        return float(self.seen["packets"] / (end - begin))

    @property
    def latencies(self) -> Latencies:
        """From capture time to arrival at the viewer."""
        return latencies(self.seen["arrivals"])

    def microseconds(self) -> dict[str, float]:
        """CPU a packet, by process: of those that had come to the viewer when it was metered,
        since what still waited had not been paid for. The generator's, of those sent."""
        came = sum(packets for at, _, _, packets in self.seen["arrivals"] if at <= self.metered)
        costs = {name: seconds / max(1, came) * 1e6 for name, seconds in self.cpu.items()}
        return {**costs, "generator": self.cpu["generator"] / self.sent * 1e6}


class System(Protocol):
    """Carries packets from a wire to one viewer."""

    def run(self, wire: Wire, count: int, size: int, rate: float | None) -> Run:
        """Send packets through it, from a clean start to the last one delivered."""


class Viewer:
    """A measuring viewer in a process of its own."""

    def __init__(self, url: str, *says: Mapping[str, object]) -> None:
        self._child = Part("tests.bench.watching", url, says=[json.dumps(one) for one in says])

    @property
    def pid(self) -> int:
        """Its process."""
        return self._child.pid

    def seen(self) -> dict[str, Any]:
        """What it saw, once the server has closed."""
        return self._child.end()

    def close(self) -> None:
        """End it."""
        self._child.close()


class Part:
    """A Python process of a bench, which says `ready` and at its end a line of JSON."""

    def __init__(self, module: str, *arguments: str, says: list[str] | None = None) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        for line in [*says, ""] if says is not None else []:
            print(line, file=self._child.stdin, flush=True)
        said = self._child.stdout.readline()
        assert said == "ready\n", f"{module} {arguments} did not start: {said!r}"

    @property
    def pid(self) -> int:
        """Its process."""
        return self._child.pid

    def end(self) -> dict[str, Any]:
        """Close its input, and what it says at its end."""
        output, _ = self._child.communicate(timeout=120)
        assert self._child.returncode == 0, f"{self._child.args!r} failed"
        said: dict[str, Any] = json.loads(output) if output else {}
        return said

    def close(self) -> None:
        """End it, where something went wrong before its own end."""
        if self._child.poll() is None:
            self._child.kill()
            self._child.wait()


class Ours:
    """Capflow: a capture by REST, and a pcapng viewer."""

    def __init__(self, stack: Stack, servers: Servers | None) -> None:
        self._pids = pids_of(stack, servers)
        self._servers = servers
        headers = {"Authorization": f"Bearer {ADMIN_KEY}"}
        self._http = httpx2.Client(base_url=stack.rest, headers=headers, timeout=120)

    def run(self, wire: Wire, count: int, size: int, rate: float | None) -> Run:
        """As System."""
        started = self._start()
        session, stream = started["session"], started["stream"]
        hello = {"type": "session", "session": session, "ticket": stream["ticket"]}
        start = {"type": "start", "from": "live", "format": "pcapng"}
        with closing(Viewer(stream["url"], hello, start)) as viewer:

            def finish() -> dict[str, Any]:
                self._stop(session)
                return viewer.seen()

            pids = {**self._pids, "viewer": viewer.pid}
            result = _measured(wire, count, size, rate, pids, finish)
        ledger = self._http.get(f"/v1/captures/{session}").json()["ledger"]
        self._http.delete(f"/v1/captures/{session}").raise_for_status()
        _settle(self._servers)
        time.sleep(_PAUSE)
        return Run(**result, dropped=ledger["dropped_kernel"], ledger=ledger)

    def _start(self) -> dict[str, Any]:
        body = {"resource": RESOURCE, "service": SERVICE, "limits": _LIMITS}
        answer = self._http.post("/v1/captures", json=body)
        assert answer.status_code == 202, answer.text
        started: dict[str, Any] = answer.json()
        task = self._http.get(f"/v1/tasks/{started['task_id']}", params={"wait": 30}).json()
        assert task["state"] == "running", task
        return started

    def _stop(self, session: str) -> None:
        self._http.post(f"/v1/captures/{session}/stop").raise_for_status()


class Pipeline:
    """A peer of two processes, `tests.bench.bare` or `tests.bench.usual`."""

    def __init__(self, module: str, servers: Servers) -> None:
        self._module = f"tests.bench.{module}"
        self._servers = servers

    def run(self, wire: Wire, count: int, size: int, rate: float | None) -> Run:
        """As System."""
        place = self._servers.place()
        port = str(free_ports(1)[0])
        with ExitStack() as held:

            def part(*arguments: str) -> Part:
                return held.enter_context(closing(Part(self._module, *arguments)))

            streamer = part("streamer", place.mongo_url, port)
            agent = part("agent", place.mongo_url, wire.near)
            viewer = Viewer(f"ws://127.0.0.1:{port}/", {"type": "hello"})
            held.callback(viewer.close)
            dropped = 0

            def finish() -> dict[str, Any]:
                nonlocal dropped
                dropped = agent.end()["dropped"]
                return viewer.seen()

            pids = {"agent": agent.pid, "streamer": streamer.pid, "viewer": viewer.pid}
            pids["mongod"] = self._servers.mongo.pid
            result = _measured(wire, count, size, rate, pids, finish)
            streamer.end()
        with place.mongo() as client:
            client.drop_database(place.database)
        _settle(self._servers)
        return Run(**result, dropped=dropped)


def _settle(servers: Servers | None) -> None:
    """Let mongod write what a clean-up has changed, or the next system pays for it."""
    if servers is not None:
        with servers.place().mongo() as client:
            client.admin.command("fsync")


def _measured(
    wire: Wire,
    count: int,
    size: int,
    rate: float | None,
    pids: Mapping[str, int],
    finish: Callable[[], dict[str, Any]],
) -> dict[str, Any]:
    """Send, meter, finish."""
    meter, busy, began, sending = Meter(pids), cpu.busy(), time.monotonic(), _of_children()
    wire.send(count, size, rate)
    used = {**meter.seconds(), "generator": _of_children() - sending}
    room = (time.monotonic() - began) * (os.cpu_count() or 1)
    others = (cpu.busy() - busy - sum(used.values())) / room
    metered = time.time()
    return {"sent": count, "others": others, "cpu": used, "metered": metered, "seen": finish()}


def _of_children() -> float:
    """CPU seconds of our children that have ended: of the generators."""
    times = os.times()
    return times.children_user + times.children_system
