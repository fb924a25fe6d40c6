"""What agents say, taken down in the task store: the hot path, one round trip each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter

from contracts import topology
from contracts.keepalive import KEEPALIVES_IN_A_LEASE, KeepAlive, ServiceInfo
from contracts.task import CaptureStatus, TaskReport
from services.dispatcher.live import Live, Tombstone, hash_of, live_of
from services.dispatcher.taskstore import LIVE_MS, TaskStore, spool_json

_SERVICES: TypeAdapter[list[ServiceInfo]] = TypeAdapter(list[ServiceInfo])


class Heard(StrEnum):
    """What a KeepAlive is worth."""

    OK = "ok"
    STALE = "stale"
    """Older than one that was heard: nothing is concluded from it."""
    REFUSED = "refused"
    """Another agent lives under this name."""
    ADOPT = "adopt"
    """The agent has accepted a later list than the task store holds: the store went back."""


class Reported(StrEnum):
    """What a report is worth."""

    KEPT = "kept"
    DIFFERS = "differs"
    STALE = "stale"
    FOREIGN = "foreign"
    """Its agent is not the one that the resource's name belongs to."""
    UNKNOWN = "unknown"
    """No such task: its KeepAlive will tell, if there is one."""
    UNWANTED = "unwanted"
    """It runs, but has ended: its agent is told to stop."""


@dataclass(frozen=True, slots=True)
class Hearing:
    """A KeepAlive taken down."""

    verdict: Heard
    revision: int
    orders: list[bytes] = field(default_factory=list)
    """What is wanted, each an Order as JSON."""
    differ: list[str] = field(default_factory=list)
    """Captures listed whose task says something else."""
    unlisted: list[str] = field(default_factory=list)
    """Open tasks that this agent should list if it still knew them."""
    unwanted: int = 0
    """How many captures run though they ended."""

    @property
    def quiet(self) -> bool:
        """Whether nothing follows from it but its answer."""
        return self.verdict is Heard.OK and self.settled

    @property
    def settled(self) -> bool:
        """Whether all that the KeepAlive said is in the stores."""
        return not (self.differ or self.unlisted)


class Ears:
    """Takes down what agents say."""

    def __init__(self, tasks: TaskStore) -> None:
        self._tasks = tasks

    async def keepalive(self, beat: KeepAlive, reply_to: str) -> Hearing:
        """Take a KeepAlive down. Raises TasksUnavailable."""
        [answer] = await self._tasks.fly("keepalive", *_call([(beat, reply_to)]))
        return _hearing(answer)

    async def keepalives(self, beats: Sequence[tuple[KeepAlive, str]]) -> list[Hearing]:
        """Take many down, each with its reply address, in one step. Raises TasksUnavailable."""
        keys, arguments = _call(beats)
        return list(map(_hearing, await self._tasks.run("keepalive", keys, *arguments)))

    async def report(self, report: TaskReport) -> Reported | Live | Tombstone:
        """Take a report down; gives the task where the report changes its state, or an earlier
        change was not told yet. Raises TasksUnavailable."""
        status = report.capture
        answer = await self._tasks.fly(
            "report",
            [topology.agent_key(report.resource), topology.task_key(status.order.task_id)],
            [
                str(report.agent_id),
                report.boot,
                report.seq,
                status.state.value,
                status.ledger.model_dump_json(),
                LIVE_MS,
                spool_json(status.spool),
            ],
        )
        if isinstance(answer, bytes):
            return Reported(answer.decode())
        return live_of(hash_of(answer[1]), int(answer[0]))


def _call(beats: Sequence[tuple[KeepAlive, str]]) -> tuple[list[str], list[str | bytes | float]]:
    """What the script is to be told: its keys and its arguments."""
    keys = [topology.RESOURCES_KEY]
    arguments: list[str | bytes | float] = [LIVE_MS, KEEPALIVES_IN_A_LEASE]
    for beat, reply_to in beats:
        keys += [topology.agent_key(beat.resource), topology.wanted_key(beat.resource)]
        keys += [topology.task_key(status.order.task_id) for status in beat.captures]
        arguments += [len(beat.captures), *_spoken(beat, reply_to)]
    return keys, arguments


def _spoken(beat: KeepAlive, reply_to: str) -> list[str | bytes | float]:
    """What a KeepAlive says."""
    return [
        beat.resource,
        str(beat.agent_id),
        beat.boot,
        beat.seq,
        beat.revision,
        beat.interval,
        reply_to,
        beat.version,
        _SERVICES.dump_json(beat.services),
        *(text for status in beat.captures for text in _said(status)),
    ]


def _hearing(answer: Any) -> Hearing:
    """What the script has given."""
    if isinstance(answer, int):
        return Hearing(Heard.OK, answer)
    verdict, revision, *rest = answer
    if not rest:
        return Hearing(Heard(verdict.decode()), revision)
    orders, differ, unlisted, unwanted = rest
    return Hearing(Heard.OK, revision, orders, _ids(differ), _ids(unlisted), unwanted)


def _said(status: CaptureStatus) -> tuple[str, str]:
    return str(status.order.task_id), status.state.value


def _ids(raw: list[bytes]) -> list[str]:
    return [task_id.decode() for task_id in raw]
