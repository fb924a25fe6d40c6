"""What to do when the list of what is wanted comes: start what is missing, stop what is not listed.

A task runs at most once: one that this agent has ever begun is never begun again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from uuid import UUID

from contracts.keepalive import Wanted
from contracts.order import Order
from contracts.task import Failure, StopReason
from services.agent.failures import AGENT_REFUSED


class Life(Enum):
    """What became of a task that this agent has begun."""

    RUNS = "runs"
    ENDED = "ended"
    UNKNOWN = "unknown"
    """It was begun before the last restart, and nothing else can be read of it."""


@dataclass(frozen=True, slots=True)
class Known:
    """A task that this agent has begun."""

    life: Life
    listed: int | None = None
    """Number of the first KeepAlive that listed it as ended."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do."""

    start: tuple[Order, ...] = ()
    stop: tuple[UUID, ...] = ()
    reason: StopReason = StopReason.REQUESTED
    error: Failure | None = None
    """Why those are stopped."""
    cut_off: tuple[Order, ...] = ()
    """Orders for tasks that were begun before the last restart: report them as ended by it."""
    forget: tuple[UUID, ...] = ()
    revision: int = 0
    """The revision that is accepted once all this is done."""


def reconcile(wanted: Wanted, revision: int, known: Mapping[UUID, Known]) -> Plan:
    """The plan for a list, where `revision` is the highest one accepted so far.

    A list that is older than that says nothing any more. A refusal is no list: nothing is wanted
    then, and nothing is forgotten.
    """
    if wanted.refused is not None:
        return Plan(
            stop=_running(known, frozenset()),
            reason=StopReason.ERROR,
            error=Failure(code=AGENT_REFUSED, detail=wanted.refused),
            revision=revision,
        )
    if wanted.revision < revision:
        return Plan(revision=revision)
    orders = {order.task_id: order for order in wanted.orders}
    listed = frozenset(orders)
    return Plan(
        start=tuple(order for task, order in orders.items() if task not in known),
        stop=_running(known, listed),
        cut_off=tuple(
            order
            for task, order in orders.items()
            if task in known and known[task].life is Life.UNKNOWN
        ),
        forget=_settled(wanted.seq, known, listed),
        revision=wanted.revision,
    )


def _running(known: Mapping[UUID, Known], but: frozenset[UUID]) -> tuple[UUID, ...]:
    return tuple(task for task, it in known.items() if it.life is Life.RUNS and task not in but)


def _settled(
    seq: int | None, known: Mapping[UUID, Known], but: frozenset[UUID]
) -> tuple[UUID, ...]:
    """Ended tasks that the dispatcher has been told of and no longer wants."""
    if seq is None:
        return ()
    return tuple(
        task
        for task, it in known.items()
        if task not in but
        and (it.life is Life.UNKNOWN or (it.listed is not None and it.listed <= seq))
        and it.life is not Life.RUNS
    )
