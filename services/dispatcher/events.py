"""Tells what truly happened: the stored record and a TaskEvent for each state passed.

What is to be told is kept with the task until it was told, so a dispatcher that dies in between
leaves it to whoever handles the task next, or to the reaper. Telling twice is harmless: a
record is written anew, and an event carries the same message id.
"""

import asyncio

from contracts.task import Task, TaskState
from contracts.topology import EVENTS, TASK_EVENT, event_key
from services.dispatcher.live import Live
from services.dispatcher.metrics import Metrics
from services.dispatcher.taskstore import TaskStore
from services.packets.endpoints.port import PacketStore
from services.runtime.bus.codec import encode
from services.runtime.bus.port import Bus


class Events:
    """Tells of changes; nobody else publishes a TaskEvent."""

    def __init__(self, bus: Bus, tasks: TaskStore, records: PacketStore, metrics: Metrics) -> None:
        self._bus = bus
        self._tasks = tasks
        self._records = records
        self._metrics = metrics

    async def tell(self, live: Live) -> None:
        """Tell what was not told yet of a task. Raises Unavailable; what is left stays noted."""
        current: object = live
        while isinstance(current, Live) and current.unsaid:
            # Side by side: an end is in its record by now, and no other state waits for the disk.
            await asyncio.gather(self._record(current), self._publish_all(current))
            if await self._tasks.said(current.capture.task_id, current.version):
                return
            current = await self._tasks.load(current.capture.task_id)

    async def publish(self, task: Task, state: TaskState) -> None:
        """Publish that a task came to be in a state."""
        event = task.model_copy(update={"state": state})
        message = encode(TASK_EVENT, event, message_id=f"{task.task_id}:{state}")
        key = event_key(state, task.resource, task.service)
        await self._bus.publish(EVENTS, key, message, mandatory=False)
        self._metrics.transitions.labels(state).inc()

    async def _publish_all(self, live: Live) -> None:
        for state in live.unsaid:
            await self.publish(live.capture.task(), state)

    async def _record(self, live: Live) -> None:
        """An end is recorded before the task ends, and a request before there is a task."""
        if not live.capture.state.ended and live.unsaid != (TaskState.REQUESTED,):
            await self._records.update_session(live.capture)
