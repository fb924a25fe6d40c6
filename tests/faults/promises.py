"""What the API promised of starts and stops, and whether it was kept: I1 of the control plane."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx2

from tests.faults.world import World
from tests.support.stack import RESOURCE
from tests.support.wait import until

PATIENCE = 60.0
"""Seconds that a client goes on asking."""
QUIET = "udp port 9"
"""A filter for captures of nothing."""


@dataclass
class Promises:
    """A client of the API that asks until it is answered, and remembers every answer."""

    world: World
    accepted: dict[str, str] = field(default_factory=dict)
    """Task ids that were answered with a 202, and the sessions named in it."""
    refused: set[str] = field(default_factory=set)
    to_stop: set[str] = field(default_factory=set)
    """Tasks whose stop was answered with a 202."""
    answers: Counter[str] = field(default_factory=Counter)
    """How often each status came; `none` where no answer came."""
    slowest: float = 0.0
    """Seconds that the slowest answer took."""

    @property
    def not_answered(self) -> int:
        """How often no answer came, or one that says to ask again."""
        return self.answers["503"] + self.answers["none"]

    async def start(self, service: str, task_id: str | None = None, **fields: Any) -> str | None:
        """Ask for a capture until answered, always under the same task id; it, if accepted."""
        task_id = task_id or str(uuid4())
        body = {"resource": RESOURCE, "service": service, "filter": QUIET, "task_id": task_id}
        answer = await self._ask("/v1/captures", {**body, **fields})
        if answer.status_code != 202:
            self.refused.add(task_id)
            return None
        self.accepted[task_id] = answer.json()["session"]
        return task_id

    async def stop(self, task_id: str) -> None:
        """Ask for a stop until it is accepted."""
        answer = await self._ask(f"/v1/captures/{self.accepted[task_id]}/stop", None)
        assert answer.status_code == 202, answer.text
        self.to_stop.add(task_id)

    async def start_and_stop(self, service: str) -> None:
        """One capture from its start to its end."""
        if (task_id := await self.start(service)) is not None:
            await self.stop(task_id)
            await self.ended(task_id)

    async def ended(self, task_id: str) -> None:
        """Wait until the API shows a task as ended."""

        async def over() -> bool:
            try:
                answer = await self.world.rest.http.get(f"/v1/tasks/{task_id}", timeout=5)
            except httpx2.HTTPError:
                return False
            return answer.status_code == 200 and answer.json()["state"] in ("stopped", "failed")

        await until(over, PATIENCE, every=0.1)

    async def once(self, path: str, body: dict[str, Any] | None) -> httpx2.Response | None:
        """Ask once; no answer is none."""
        watch = asyncio.get_running_loop().time()
        try:
            answer = await self.world.rest.http.post(path, json=body, timeout=20)
        except httpx2.HTTPError:
            self.answers["none"] += 1
            return None
        finally:
            self.slowest = max(self.slowest, asyncio.get_running_loop().time() - watch)
        self.answers[str(answer.status_code)] += 1
        return answer

    async def _ask(self, path: str, body: dict[str, Any] | None) -> httpx2.Response:
        async with asyncio.timeout(PATIENCE):
            while True:
                answer = await self.once(path, body)
                if answer is not None and answer.status_code < 500:
                    return answer
                await asyncio.sleep(0.1)

    def judge(self, reason: str | None = "requested") -> list[str]:
        """I1: each 202 has its one record, under the session that it named, and what was refused
        has none.

        What was stopped ended for `reason`; None: for any, since its agent was not always there.
        """
        records = {str(one["task_id"]): one for one in self.world.records()}
        complaints = [f"{task_id} was accepted and is not there"
                      for task_id in self.accepted.keys() - records.keys()]  # fmt: skip
        for task_id, session in self.accepted.items():
            record = records.get(task_id)
            if record is not None and record["_id"] != session:
                complaints.append(f"{task_id} was called {session} and is {record['_id']}")
        complaints += [f"{task_id} was refused and is there"
                       for task_id in self.refused & records.keys()]  # fmt: skip
        for task_id in self.to_stop & records.keys():
            given = records[task_id].get("stop_reason")
            if reason is not None and given != reason:
                complaints.append(f"{task_id} was to be stopped, and ended {given}")
        return complaints
