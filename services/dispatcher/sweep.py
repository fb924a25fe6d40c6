"""The sweep: compares the stored records of open captures with the task store.

What the task store has lost is put back, so that its time can run out even if its agent never
speaks again; a stop that only the record remembers is made once more.
"""

from contracts.record import instant
from contracts.task import Capture, StopReason, TaskState
from services.dispatcher import states
from services.dispatcher.adoption import may_be_under_way
from services.dispatcher.changes import Changes
from services.dispatcher.live import Live
from services.dispatcher.metrics import Metrics
from services.dispatcher.rebuild import Rebuild
from services.dispatcher.rounds import rounds
from services.dispatcher.taskstore import TaskStore
from services.dispatcher.timing import Timing
from services.packets.endpoints.port import PacketStore
from services.runtime import logs

log = logs.get("dispatcher")


class Sweep:
    """Compares, again and again."""

    def __init__(
        self,
        tasks: TaskStore,
        records: PacketStore,
        changes: Changes,
        rebuild: Rebuild,
        timing: Timing,
        metrics: Metrics,
    ) -> None:
        self._tasks = tasks
        self._records = records
        self._changes = changes
        self._rebuild = rebuild
        self._timing = timing
        self._metrics = metrics

    async def run(self) -> None:
        """Compare for ever."""
        await rounds("sweep", self.compare, self._timing.sweep, self._metrics)

    async def compare(self) -> None:
        """Compare every open record with its task. Raises Unavailable."""
        for record in await self._records.open_sessions():
            live = await self._tasks.load(record.task_id)
            if isinstance(live, Live):
                await self._agree(record, live)
            else:
                await self._put_back(record)

    async def _put_back(self, record: Capture) -> None:
        now = instant(await self._tasks.now())
        if may_be_under_way(record, now, self._timing.claim):
            return
        log.warning("task put back from its record", session=record.session)
        await self._rebuild.silent(record)

    async def _agree(self, record: Capture, live: Live) -> None:
        if live.capture.state.ended:
            await self._records.update_session(live.capture)
        elif record.state is TaskState.STOPPING and live.capture.stop_reason is None:
            reason = record.stop_reason or StopReason.REQUESTED
            await self._changes.apply(record.task_id, lambda now: states.stop(now.capture, reason))
