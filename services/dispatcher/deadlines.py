"""When a live task has waited long enough, and when to look at it next. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from contracts.task import TaskState
from services.dispatcher.timing import Timing


class Due(StrEnum):
    """What has run out."""

    NO_ANSWER = "no-answer"
    """The agent has not taken the order."""
    LEASE = "lease"
    """The agent has not been heard of."""
    LIMIT = "limit"
    """The capture runs past its own limit and a grace."""
    VIEWER = "viewer"
    """Nobody watches."""
    LOST = "lost"
    """A lost capture is past its own limit and a grace: no one can still run it."""


@dataclass(frozen=True, slots=True)
class Watch:
    """One live task at one moment. Times in milliseconds, by the task store's clock."""

    state: TaskState
    now: int
    requested: int
    running: int | None
    """When it was first heard to run."""
    seen: int
    """When a KeepAlive last listed it."""
    lease: int
    """How long its agent may be silent."""
    seconds: int
    """Its own limit."""
    watched_until: int | None
    """When the last viewer's lease ends; none: it goes on unwatched."""
    calm: int
    """How long the dispatcher has had broker and task store without a break."""


def judge(watch: Watch, timing: Timing) -> Due | int:
    """What has run out for this task, or when to look again (ms, after `watch.now`).

    Nothing runs out before the dispatcher has had its connections for one lease: until then
    silence may be its own deafness.
    """
    if watch.calm < watch.lease:
        return watch.now + max(watch.lease - watch.calm, 1)
    ends = _deadlines(watch, timing)
    for due, at in ends:
        if at <= watch.now:
            return due
    # What is renewed meanwhile shows at the next look.
    return min([at for _, at in ends] + [watch.now + watch.lease])


def _deadlines(watch: Watch, timing: Timing) -> list[tuple[Due, int]]:
    """What can run out in this state, the weightier first, and when."""
    begun = watch.requested if watch.running is None else watch.running
    limit = begun + int((watch.seconds + timing.grace) * 1000)
    match watch.state:
        case TaskState.REQUESTED:
            return [(Due.NO_ANSWER, watch.requested + int(timing.answer * 1000))]
        case TaskState.RUNNING:
            viewer = [] if watch.watched_until is None else [(Due.VIEWER, watch.watched_until)]
            return [(Due.LEASE, watch.seen + watch.lease), (Due.LIMIT, limit), *viewer]
        case TaskState.STOPPING:
            return [(Due.LEASE, watch.seen + watch.lease)]
        case TaskState.LOST:
            return [(Due.LOST, limit)]
    return []
