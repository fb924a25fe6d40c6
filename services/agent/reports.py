"""Reports of each capture: at each change of its state, and once a second with its ledger.

What waits to be reported is a set of tasks and not a queue of reports: while the bus is away it
does not grow, and when it is back the newest state of each goes out.
"""

import asyncio
from collections.abc import Callable
from uuid import UUID

from contracts.task import TaskReport
from contracts.topology import EVENTS, TASK_REPORT, report_key
from services.agent.metrics import AgentMetrics
from services.runtime.bus.codec import encode
from services.runtime.bus.port import Bus
from services.runtime.errors import BusUnavailable, Unroutable
from services.runtime.logs import get

INTERVAL = 1.0


class Reports:
    """Publishes the reports of what has changed, and of what runs."""

    def __init__(
        self,
        bus: Bus,
        make: Callable[[UUID], TaskReport | None],
        running: Callable[[], list[UUID]],
        metrics: AgentMetrics,
    ) -> None:
        self._bus = bus
        self._make = make
        self._running = running
        self._metrics = metrics
        self._due: dict[UUID, None] = {}
        self._woken = asyncio.Event()
        self._all_sent = asyncio.Event()
        self._all_sent.set()
        self._log = get("agent")

    def changed(self, task_id: UUID) -> None:
        """The state of a task has changed: report it now."""
        self._due[task_id] = None
        self._all_sent.clear()
        self._woken.set()

    async def run(self) -> None:
        """Publish for ever."""
        clock = asyncio.get_running_loop().time
        tick = clock() + INTERVAL
        while True:
            await self._pause(tick - clock())
            if clock() >= tick:
                tick = clock() + INTERVAL
                self._due |= dict.fromkeys(self._running())
            await self._flush()

    async def all_sent(self) -> None:
        """Return once every change has been reported."""
        await self._all_sent.wait()

    async def _flush(self) -> None:
        """Publish all that is due, until the bus takes no more."""
        self._woken.clear()
        for task_id in list(self._due):
            if not await self._publish(task_id):
                return
        if not self._due:
            self._all_sent.set()

    async def _publish(self, task_id: UUID) -> bool:
        self._due.pop(task_id, None)
        report = self._make(task_id)
        if report is None:
            return True
        capture = report.capture
        key = report_key(capture.state, capture.order.resource, capture.order.service)
        try:
            await self._bus.publish(EVENTS, key, encode(TASK_REPORT, report))
        except (BusUnavailable, Unroutable) as error:
            self._due.setdefault(task_id)
            self._metrics.reports_failed.inc()
            self._log.warning("a report waits for the bus", task=str(task_id), error=str(error))
            return False
        self._metrics.reports.inc()
        return True

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._woken.wait()
        except TimeoutError:
            return
