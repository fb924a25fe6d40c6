"""Work with the task store that is done again and again, whether or not it is there."""

import asyncio
from collections.abc import Awaitable

from services.runtime import logs
from services.runtime.errors import TasksUnavailable
from services.streamer.metrics import Metrics


class Attempts:
    """Tries; of the task store's absence one log line tells, with what stands still meanwhile."""

    def __init__(self, consequence: str, metrics: Metrics) -> None:
        self._consequence = consequence
        self._metrics = metrics
        self._away = False

    async def once(self, work: Awaitable[None]) -> None:
        """Do the work, if the task store lets us."""
        try:
            await work
            self._away = False
        except TasksUnavailable as error:
            self._note_away(error)
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            # `asyncio.wait_for` of Python 3.11, which Redis clients use, loses a cancellation
            # that comes together with the answer: without this the task would go on for ever.
            raise asyncio.CancelledError

    def _note_away(self, error: TasksUnavailable) -> None:
        self._metrics.away.labels("tasks").inc()
        if not self._away:
            logs.get("streamer").warning(self._consequence, reason=str(error))
        self._away = True
