"""Changes a task: the one way, whoever asks for it.

A rule decides on the task as it is; the change is made on that version or decided anew. An end
is in the stored record before it is in the task store, so what has ended there has ended for
good. Then the agent is told, if its list has changed, and the world.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from uuid import UUID

from contracts.task import Capture
from services.dispatcher.events import Events
from services.dispatcher.live import Live, Mark
from services.dispatcher.states import Change
from services.dispatcher.taskstore import TaskStore
from services.packets.endpoints.port import PacketStore
from services.runtime import logs
from services.runtime.errors import TasksUnavailable

log = logs.get("dispatcher")

Rule = Callable[[Live], Change | None]
"""What becomes of a task; none: it stays as it is."""

_MOST_TRIES = 20


class Changes:
    """Makes changes; each may be repeated."""

    def __init__(
        self,
        tasks: TaskStore,
        records: PacketStore,
        events: Events,
        push: Callable[[str], Awaitable[None]],
    ) -> None:
        self._tasks = tasks
        self._records = records
        self._events = events
        self._push = push

    async def apply(
        self,
        task_id: UUID | str,
        rule: Rule,
        mark: Mark | None = None,
        loaded: Live | None = None,
    ) -> Live | None:
        """Let `rule` decide on a task and make it so; `mark` is who reported it, and `loaded` the
        task where it has just been looked at.

        Gives the task as it was decided on, none where there is none. Raises Unavailable; what
        was done by then is completed by the next call.
        """
        for _ in range(_MOST_TRIES):
            live, loaded = loaded or await self._tasks.load(task_id), None
            if not isinstance(live, Live):
                return None
            change = rule(live)
            now = live if change is None else await self._make(live, change, mark)
            if now is not None:
                await self._events.tell(now)
                return live
        raise TasksUnavailable(f"task {task_id} changes faster than it can be handled")

    async def _make(self, live: Live, change: Change, mark: Mark | None) -> Live | None:
        """The task as it is after the change; none: another was made meanwhile."""
        if change.amended:
            await self._records.update_session(change.capture, unless_ended=False)
        elif change.capture.state.ended:
            change = await self._record_end(change)
        revision = await self._tasks.transition(live.version, change, mark)
        if revision is None:
            return None
        _log(change)
        if revision:
            await self._push(live.capture.resource)
        return _after(live, change)

    async def _record_end(self, change: Change) -> Change:
        """Record an end. A record that has ended stays, and the task follows it."""
        if await self._records.update_session(change.capture):
            return change
        record = await self._records.session(change.capture.session)
        if record is None or not record.state.ended:
            return change
        return Change(record, (record.state,), off=True)


def _after(live: Live, change: Change) -> Live:
    """What the task store made of a task by a change."""
    unsaid = (*live.unsaid, *change.passed)
    return replace(live, capture=change.capture, version=live.version + 1, unsaid=unsaid)


def _log(change: Change) -> None:
    capture: Capture = change.capture
    if change.passed:
        log.info(
            "task changed",
            task_id=str(capture.task_id),
            session=capture.session,
            state=capture.state.value,
            stop_reason=capture.stop_reason and capture.stop_reason.value,
        )
