"""The reaper: looks at each live task when its time may have run out."""

from contracts.record import instant
from contracts.task import Capture, StopReason
from services.dispatcher import states
from services.dispatcher.changes import Changes
from services.dispatcher.deadlines import Due, Watch, judge
from services.dispatcher.events import Events
from services.dispatcher.footing import Footing
from services.dispatcher.live import Live
from services.dispatcher.metrics import Metrics
from services.dispatcher.pulse import Pulse
from services.dispatcher.repair import Repair
from services.dispatcher.rounds import rounds
from services.dispatcher.states import Change
from services.dispatcher.taskstore import TaskStore
from services.dispatcher.timing import Timing
from services.runtime import logs

log = logs.get("dispatcher")

_MOST = 100
_PAUSE = 5.0
"""Seconds that other dispatchers leave a task alone that this one looks at."""


class Reaper:
    """Ends what must not go on. Several may run; each change is made once."""

    def __init__(
        self,
        tasks: TaskStore,
        changes: Changes,
        events: Events,
        repair: Repair,
        footing: Footing,
        pulse: Pulse,
        timing: Timing,
        metrics: Metrics,
    ) -> None:
        self._tasks = tasks
        self._changes = changes
        self._events = events
        self._repair = repair
        self._footing = footing
        self._pulse = pulse
        self._timing = timing
        self._metrics = metrics

    async def run(self) -> None:
        """Look at what is due, for ever."""
        await rounds("reaper", self.look, self._timing.reap, self._metrics)

    async def look(self) -> None:
        """Look at every task that is due. Raises Unavailable.

        First at the store itself: in one that came back old, much looks due that is not.
        """
        await self._pulse.feel()
        for task_id in await self._tasks.due(_MOST, _PAUSE):
            await self._look_at(task_id)

    async def _look_at(self, task_id: str) -> None:
        live = await self._tasks.load(task_id)
        if not isinstance(live, Live):
            await self._tasks.defer(task_id, 0, 0)  # there is none: nothing to look at any more
            return
        await self._events.tell(live)
        if live.capture.state.ended:
            return
        due = await self._due(live)
        if isinstance(due, int):
            await self._tasks.defer(task_id, live.version, due)
            return
        self._metrics.reaped.labels(due).inc()
        log.warning("time ran out", session=live.capture.session, cause=due.value)
        await self._run_out(live.capture, due)

    async def _due(self, live: Live) -> Due | int:
        """What is due of a task, or when to look at it again (ms)."""
        due = judge(await self._watch(live), self._timing)
        if isinstance(due, int):
            return due
        await self._pulse.feel()  # the store may have gone back just before the task was read
        return judge(await self._watch(live), self._timing)

    async def _watch(self, live: Live) -> Watch:
        capture = live.capture
        watched = None
        if not capture.keep:
            watched = live.now + max(await self._tasks.watched_for(capture.session), 0)
        return Watch(
            state=capture.state,
            now=live.now,
            requested=live.requested,
            running=live.running,
            seen=live.seen,
            lease=live.lease,
            seconds=capture.limits.seconds,
            watched_until=watched,
            calm=int(self._footing.calm * 1000),
        )

    async def _run_out(self, capture: Capture, due: Due) -> None:
        """Make the change that follows, if it still does when it is made."""
        ledger = capture.ledger
        if due is Due.LOST:
            ledger = await self._repair.ledger(capture, capture.ledger)

        def rule(live: Live) -> Change | None:
            now, task = instant(live.now), live.capture
            if task.state is not capture.state:
                return None
            match due:
                case Due.NO_ANSWER:
                    return states.no_answer(task, self._timing.answer, now)
                case Due.LEASE:
                    return states.lose(task) if live.now - live.seen >= live.lease else None
                case Due.LIMIT:
                    return states.stop(task, StopReason.SECONDS)
                case Due.VIEWER:
                    return states.stop(task, StopReason.NO_VIEWER)
            return states.vanish(task, StopReason.AGENT_LOST, ledger, now)

        await self._changes.apply(capture.task_id, rule)
