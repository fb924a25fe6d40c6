"""Takes blocks that wait long from memory to disk, for all captures, in one thread at a time."""

import asyncio
import time
from collections.abc import Callable, Sequence

from services.agent.backlog import Backlog
from services.agent.metrics import AgentMetrics
from services.agent.spool.folder import SpoolFolder
from services.runtime.logs import get

LOOK_SECONDS = 0.1
REST_SECONDS = 1.0
"""How long a disk that failed is left alone."""


class Spiller:
    """Looks at the backlogs, and writes what is due."""

    def __init__(
        self,
        spool: SpoolFolder,
        backlogs: Callable[[], Sequence[Backlog]],
        metrics: AgentMetrics,
    ) -> None:
        self._spool = spool
        self._backlogs = backlogs
        self._metrics = metrics
        self._pressed = asyncio.Event()
        self._log = get("agent")

    def press(self) -> None:
        """Memory runs short: look now."""
        self._pressed.set()

    async def run(self) -> None:
        """Spill for ever."""
        while True:
            await self._pause(LOOK_SECONDS)
            now = time.monotonic()
            due = [backlog for backlog in self._backlogs() if backlog.due(now)]
            if due and (rest := await self._spool.call(self._spill, due)):
                await asyncio.sleep(rest)

    def _spill(self, due: Sequence[Backlog]) -> float:
        """Write and flush; how long to rest, because the disk fails or is full."""
        rest = 0.0
        for backlog in due:
            try:
                if not backlog.spill():
                    rest = max(rest, LOOK_SECONDS)
            except OSError as error:
                rest = REST_SECONDS
                self._metrics.spool_errors.inc()
                self._log.error("the spool's disk fails: blocks wait in memory", error=str(error))
        return rest

    async def _pause(self, seconds: float) -> None:
        self._pressed.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._pressed.wait()
        except TimeoutError:
            return
