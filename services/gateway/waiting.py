"""Long polls: an answer held back until a task is no longer `requested`."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

from contracts.task import Task, TaskState
from services.gateway.metrics import Metrics

LONGEST_WAIT = 60.0
_MOST_WAITERS = 2000
_READ_AGAIN = 2.0
"""Seconds. A safety net for events that were not heard: it is no interval anybody waits for."""

Read = Callable[[UUID], Awaitable[Task]]


class Waiting:
    """Those who wait for a task, each woken by its events. One more than 2,000 of them is
    answered at once instead (answer-at-once), and counted."""

    def __init__(self, read: Read, metrics: Metrics) -> None:
        self._read = read
        self._metrics = metrics
        self._bells: dict[UUID, set[asyncio.Event]] = {}
        self._count = 0
        self._closed = False

    def ring(self, task: Task) -> None:
        """Wake those who wait for this task."""
        for bell in self._bells.get(task.task_id, ()):
            bell.set()

    def close(self) -> None:
        """Answer everybody, and let nobody wait any more."""
        self._closed = True
        for bell in (bell for bells in self._bells.values() for bell in bells):
            bell.set()

    async def settled(self, task_id: UUID, wait: float) -> Task:
        """The task once it is no longer `requested`, or as it is after `wait` seconds."""
        with self._bell(task_id) as bell:
            task = await self._read(task_id)
            deadline = asyncio.get_running_loop().time() + wait
            while task.state is TaskState.REQUESTED and await self._rung(bell, deadline):
                task = await self._read(task_id)
        return task

    async def _rung(self, bell: asyncio.Event, deadline: float) -> bool:
        """Wait for the bell or a while; whether there is reason to look again."""
        left = deadline - asyncio.get_running_loop().time()
        if left <= 0 or self._must_not_wait():
            return False
        with suppress(TimeoutError):
            async with asyncio.timeout(min(left, _READ_AGAIN)):
                await bell.wait()
        bell.clear()
        return True

    def _must_not_wait(self) -> bool:
        full = self._count > _MOST_WAITERS
        if full:
            self._metrics.not_waited.inc()
        return full or self._closed

    @contextmanager
    def _bell(self, task_id: UUID) -> Iterator[asyncio.Event]:
        bell = asyncio.Event()
        self._bells.setdefault(task_id, set()).add(bell)
        self._count += 1
        self._metrics.waiting.set(self._count)
        try:
            yield bell
        finally:
            self._count -= 1
            self._metrics.waiting.set(self._count)
            self._bells[task_id].discard(bell)
            if not self._bells[task_id]:
                del self._bells[task_id]
