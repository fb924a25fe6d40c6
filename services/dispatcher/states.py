"""The state table, and what a report, a stop or a silence makes of a capture. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts.ledger import Ledger
from contracts.task import Capture, CaptureStatus, Failure, StopReason, TaskState
from services.dispatcher import ledgers

REQUESTED, RUNNING, STOPPING, LOST, STOPPED, FAILED = TaskState

TABLE: Mapping[TaskState, frozenset[TaskState]] = {
    REQUESTED: frozenset({RUNNING, STOPPING, FAILED, STOPPED}),
    RUNNING: frozenset({STOPPING, STOPPED, FAILED, LOST}),
    STOPPING: frozenset({STOPPED, FAILED, LOST}),
    LOST: frozenset({RUNNING, STOPPING, STOPPED}),
    STOPPED: frozenset(),
    FAILED: frozenset(),
}
"""What may follow each state."""

_REPORTABLE = frozenset({RUNNING, STOPPING, STOPPED, FAILED})


@dataclass(frozen=True, slots=True)
class Change:
    """What a capture becomes."""

    capture: Capture
    passed: tuple[TaskState, ...] = ()
    """The states it passes through, in order; the last is the capture's. None: its state stays."""
    off: bool = False
    """Whether it is wanted no longer."""
    amended: bool = False
    """Whether this corrects the ledger of a capture that has ended."""


def path(old: TaskState, reported: TaskState, stop_asked: bool) -> tuple[TaskState, ...] | None:
    """The states to pass through when an agent in touch reports `reported`; none: not allowed.

    A lost capture whose agent is back is first what it was before (or stopping, where a stop was
    asked for meanwhile). An agent that still says `running` of a capture told to stop has just
    not heard of it: nothing changes.
    """
    if reported not in _REPORTABLE or old.ended:
        return None
    if old is LOST and reported in (RUNNING, FAILED):
        back = STOPPING if stop_asked else RUNNING
        return (back,) if reported is RUNNING else (back, FAILED)
    if old is reported or (old is STOPPING and reported is RUNNING):
        return ()
    return (reported,) if reported in TABLE[old] else None


def reported(capture: Capture, status: CaptureStatus, now: datetime) -> Change | None:
    """What an agent's word makes of a capture; none: not allowed, or nothing new."""
    if capture.state.ended:
        return _amended(capture, status)
    passed = path(capture.state, status.state, capture.stop_reason is not None)
    if passed is None:
        return None
    state = passed[-1] if passed else capture.state
    started = _between(status.started_at, capture.requested_at, now)
    fields: dict[str, Any] = {
        "state": state,
        "ledger": status.ledger,
        "spool": status.spool,
        **(status if status.interface else capture).watched(),
        "started_at": capture.started_at or started or (now if RUNNING in passed else None),
        "stop_reason": _reason(capture, status, state),
        "error": status.error or capture.error,
    }
    if state.ended:
        fields["stopped_at"] = _between(status.stopped_at, capture.requested_at, now) or now
    return Change(capture.model_copy(update=fields), passed)


def stop(capture: Capture, reason: StopReason) -> Change | None:
    """What a stop makes of a capture; none: it is stopping or has ended already.

    A lost one stays lost: its agent stops it when it is back, and lost is told once more, with
    the reason.
    """
    if capture.state in (REQUESTED, RUNNING):
        fields = {"state": STOPPING, "stop_reason": reason}
        return Change(capture.model_copy(update=fields), (STOPPING,), off=True)
    if capture.state is LOST and capture.stop_reason is None:
        return Change(capture.model_copy(update={"stop_reason": reason}), (LOST,), off=True)
    return None


def lose(capture: Capture) -> Change | None:
    """What an agent's silence for a lease makes of a capture."""
    if LOST not in TABLE[capture.state]:
        return None
    return Change(capture.model_copy(update={"state": LOST}), (LOST,))


def no_answer(capture: Capture, seconds: float, now: datetime) -> Change | None:
    """What it makes of a capture that its agent did not take in time."""
    if capture.state is not REQUESTED:
        return None
    detail = f"the agent of {capture.resource} did not answer within {seconds:g} s; see its log"
    return _end(capture, FAILED, StopReason.ERROR, Failure(code="no-answer", detail=detail), now)


def never_taken(capture: Capture, now: datetime) -> Change | None:
    """What it makes of a capture told to stop that its agent knows to be unwanted and lacks."""
    if capture.state not in (STOPPING, LOST) or capture.stop_reason is None:
        return None
    return _end(capture, STOPPED, capture.stop_reason, None, now)


def vanish(capture: Capture, reason: StopReason, ledger: Ledger, now: datetime) -> Change | None:
    """What it makes of a capture that nobody can report on any more; `ledger` is what is left."""
    if STOPPED not in TABLE[capture.state]:
        return None
    known = capture.model_copy(update={"ledger": ledger})
    return _end(known, STOPPED, reason, ledgers.unknown_tail(reason, ledger), now)


def _amended(capture: Capture, status: CaptureStatus) -> Change | None:
    """Once ended without its agent, a capture takes its agent's late word, once: what it says
    leaves no error that asks for it."""
    if not status.state.ended or not ledgers.is_estimate(capture):
        return None
    error = ledgers.after_late_report(capture, status)
    counts = {"ledger": status.ledger, "spool": status.spool}
    fields = {**counts, "error": error, "sha256": None}
    return Change(capture.model_copy(update=fields), off=True, amended=True)


def _end(
    capture: Capture, state: TaskState, reason: StopReason, error: Failure | None, now: datetime
) -> Change:
    fields = {"state": state, "stop_reason": reason, "error": error, "stopped_at": now}
    return Change(capture.model_copy(update=fields), (state,), off=True)


def _reason(capture: Capture, status: CaptureStatus, state: TaskState) -> StopReason | None:
    """The agent knows its own limits and faults; why it was told to stop, only we know."""
    if state is FAILED:
        return status.stop_reason or StopReason.ERROR
    own = status.stop_reason if status.stop_reason is not StopReason.REQUESTED else None
    told = capture.stop_reason or status.stop_reason
    default = StopReason.REQUESTED if state.ended else None
    return own or told or default


def _between(at: datetime | None, first: datetime, last: datetime) -> datetime | None:
    """An agent's clock may be wrong; what it did lies between the request and now."""
    return None if at is None else min(max(at, first), last)
