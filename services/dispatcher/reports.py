"""Reports of agents: a change of state is made and told, a ledger just kept."""

from contracts.task import TaskReport
from contracts.topology import TASK_REPORT, report_key
from services.dispatcher.hearing import Ears, Reported
from services.dispatcher.live import Mark
from services.dispatcher.metrics import Metrics
from services.dispatcher.taskstore import TaskStore
from services.dispatcher.testimony import Testimony
from services.runtime.bus.codec import decode
from services.runtime.bus.port import Incoming
from services.runtime.errors import Undecodable


class Reports:
    """Takes reports."""

    def __init__(self, tasks: TaskStore, testimony: Testimony, metrics: Metrics) -> None:
        self._ears = Ears(tasks)
        self._testimony = testimony
        self._metrics = metrics

    async def handle(self, incoming: Incoming) -> None:
        """Take one report; what it says is durable when this returns."""
        report = decode(incoming, {TASK_REPORT: TaskReport})
        status = report.capture
        key = report_key(status.state, report.resource, status.order.service)
        if incoming.routing_key != key:
            raise Undecodable(f"a report under {incoming.routing_key} belongs under {key}")
        heard = await self._ears.report(report)
        if isinstance(heard, Reported):
            self._metrics.reports.labels(heard).inc()
            return
        self._metrics.reports.labels(Reported.DIFFERS).inc()
        await self._testimony.take(report.resource, status, Mark.of(report), heard)
