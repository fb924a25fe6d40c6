"""Many captures of one wire, each of its own share of the packets."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2

from tests.bench.worker import Worker
from tests.support.stack import ADMIN_KEY, RESOURCE, Stack

_LIMITS = {"seconds": 3600, "bytes": 1 << 40}


class Captures:
    """Captures on the services `s000`, `s001`, … of a stack."""

    def __init__(self, stack: Stack) -> None:
        headers = {"Authorization": f"Bearer {ADMIN_KEY}"}
        self._http = httpx2.Client(base_url=stack.rest, headers=headers, timeout=70)
        self.started: list[dict[str, Any]] = []

    def start(self, count: int, wires: int = 1) -> None:
        """Start so many, on so many wires in turn; the packets of a wire are divided among its
        captures by their IPv4 ids."""
        on_each = count // wires
        for number in range(count):
            body = {
                "resource": RESOURCE, "service": service(number), "keep": True, "limits": _LIMITS,
                "filter": f"ip[4:2] % {on_each} = {number // wires}",
            }  # fmt: skip
            answer = self._http.post("/v1/captures", json=body)
            assert answer.status_code == 202, answer.text
            self.started.append(answer.json())
        for started in self.started:
            task = self._task(started, 30)
            assert task["state"] == "running", task

    def watch(self, crowd: Worker, count: int) -> None:
        """Let a viewer watch each of the first `count`."""
        for started in self.started[:count]:
            stream = started["stream"]
            crowd.ask(
                do="connect", url=stream["url"], session=started["session"],
                ticket=stream["ticket"], count=1, start={"from": "live", "format": "pcapng"},
            )  # fmt: skip

    def stop(self) -> dict[str, int]:
        """Stop all; the sum of their ledgers."""
        for started in self.started:
            self._http.post(f"/v1/captures/{started['session']}/stop")
        total: dict[str, int] = {}
        for started in self.started:
            while (task := self._task(started, 0))["state"] not in ("stopped", "failed"):
                time.sleep(0.05)
            for name, value in task["ledger"].items():
                total[name] = total.get(name, 0) + value
        self.started.clear()
        return total

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _task(self, started: dict[str, Any], wait: int) -> dict[str, Any]:
        answer = self._http.get(f"/v1/tasks/{started['task_id']}", params={"wait": wait})
        task: dict[str, Any] = answer.json()
        return task


def service(number: int) -> str:
    """The name of a service."""
    return f"s{number:03}"


@contextmanager
def captures_on(stack: Stack) -> Iterator[Captures]:
    """Captures, of which none is left."""
    captures = Captures(stack)
    try:
        yield captures
        captures.stop()
    finally:
        captures.close()
