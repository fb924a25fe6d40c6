"""What an agent says of one capture, and what follows from it."""

from uuid import UUID

from contracts.ledger import Ledger
from contracts.record import instant
from contracts.task import Capture, CaptureStatus, StopReason
from services.dispatcher import states
from services.dispatcher.changes import Changes
from services.dispatcher.live import Live, Mark, Tombstone
from services.dispatcher.rebuild import Rebuild
from services.dispatcher.repair import Repair
from services.dispatcher.states import Change
from services.dispatcher.taskstore import TaskStore
from services.packets.endpoints.port import PacketStore
from services.runtime import logs

log = logs.get("dispatcher")


class Testimony:
    """Takes agents at their word, as far as the state table allows."""

    def __init__(
        self,
        tasks: TaskStore,
        records: PacketStore,
        changes: Changes,
        rebuild: Rebuild,
        repair: Repair,
    ) -> None:
        self._tasks = tasks
        self._records = records
        self._changes = changes
        self._rebuild = rebuild
        self._repair = repair

    async def take(
        self,
        resource: str,
        status: CaptureStatus,
        mark: Mark,
        loaded: Live | Tombstone | None = None,
    ) -> None:
        """Make true what an agent says of a capture; durable when it returns. `loaded` is its
        task where that has just been looked at.

        Raises Unavailable; what was done by then is completed by saying it again.
        """
        live = loaded or await self._tasks.load(status.order.task_id)
        if not isinstance(live, Live):
            return await self._without_task(resource, status, mark)
        if not _is_its_own(live.capture, resource, status):
            log.warning("report of another's capture dropped", resource=resource)
            return None
        word = await self._repair.status(live.capture, status)
        task_id = status.order.task_id
        await self._changes.apply(task_id, lambda now: _rule(now, word, mark), mark, live)
        return None

    async def miss(self, task_id: UUID | str, mark: Mark) -> None:
        """Draw the conclusion from a KeepAlive that does not list an open task it should know."""
        live = await self._tasks.load(task_id)
        if not isinstance(live, Live) or live.capture.state.ended:
            return
        ledger = await self._repair.ledger(live.capture, live.capture.ledger)
        await self._changes.apply(task_id, lambda now: _missed(now, ledger, mark), loaded=live)

    async def _without_task(self, resource: str, status: CaptureStatus, mark: Mark) -> None:
        """The task store does not know it: it ended a while ago, or the store was wiped."""
        recorded = await self._records.session_of_task(status.order.task_id)
        if recorded is None:
            return
        record, _ = recorded
        if not _is_its_own(record, resource, status):
            return
        if not record.state.ended:
            await self._rebuild.silent(record)
            await self.take(resource, status, mark)
            return
        word = await self._repair.status(record, status)
        if change := states.reported(record, word, record.requested_at):
            await self._records.update_session(change.capture, unless_ended=False)


def _is_its_own(capture: Capture, resource: str, status: CaptureStatus) -> bool:
    return capture.resource == resource and capture.session == status.order.session


def _rule(live: Live, status: CaptureStatus, mark: Mark) -> Change | None:
    if live.boot == mark.token and mark.seq < live.seq:
        return None
    return states.reported(live.capture, status, instant(live.now))


def _missed(live: Live, ledger: Ledger, mark: Mark) -> Change | None:
    capture, now = live.capture, instant(live.now)
    if live.boot is None and live.running is None:
        return states.never_taken(capture, now)
    return states.vanish(capture, _why_missed(live, mark), ledger, now)


def _why_missed(live: Live, mark: Mark) -> StopReason:
    if live.boot == mark.token:
        return live.capture.stop_reason or StopReason.ERROR
    of_another = live.boot is not None and not live.boot.startswith(f"{mark.agent_id}:")
    return StopReason.AGENT_LOST if of_another else StopReason.AGENT_RESTARTED
