"""The task store: all that the dispatcher does in Redis, one idempotent step a method.

Every method raises TasksUnavailable when Redis is away. Every key gets a time to live, which
only collects garbage: what must happen in time is a field, and the reaper's to look at.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from redis.asyncio import Redis

from contracts import topology
from contracts.commands import CommandReply
from contracts.order import Caps
from contracts.spool import Spool
from contracts.task import Capture
from services.dispatcher.flights import Flights
from services.dispatcher.footing import Footing
from services.dispatcher.ledgers import is_estimate
from services.dispatcher.live import Agent, Live, Mark, Tombstone, agent_of, hash_of, live_of
from services.dispatcher.lua import Scripts
from services.dispatcher.states import Change
from services.dispatcher.wanted import WantedList, wanted_list
from services.runtime.errors import TasksUnavailable
from services.runtime.redis import tasks_errors

LIVE_MS = 7 * 86_400_000
ENDED_MS = 3_600_000
TOMBSTONE_MS = 120_000
REFUSAL_MS = 30_000


class Admitted(StrEnum):
    """Why there is no admission."""

    STOPPED = "stopped"
    """Its stop came first."""
    TAKEN = "taken"
    """Another task holds the claim."""


@dataclass(frozen=True, slots=True)
class Admission:
    """What an admission has made, or found made."""

    task: Live | Tombstone
    wanted: WantedList


@dataclass(frozen=True, slots=True)
class Look:
    """What a start finds."""

    task: Live | Tombstone | None
    refusal: CommandReply | None
    """What the same start was answered lately."""
    agent: Agent | None
    """The agent of its resource, as of its last KeepAlive."""


@dataclass(frozen=True, slots=True)
class Tick:
    """The task store's clock (ms)."""

    now: int
    epoch: int
    """When it was first seen, or was last found to have gone back."""


class TaskStore:
    """Tasks, claims and wanted lists in Redis."""

    def __init__(self, client: Redis, footing: Footing) -> None:
        self._client = client
        self._footing = footing
        self._scripts = Scripts(client)
        self._flights = Flights(client)

    # --- tasks ---

    async def load(self, task_id: UUID | str) -> Live | Tombstone | None:
        """The task as it is now."""
        async with self._answering(), self._client.pipeline(transaction=False) as pipe:
            pipe.time()
            pipe.hgetall(topology.task_key(task_id))
            (seconds, micros), record = await pipe.execute()
        return live_of(record, seconds * 1000 + micros // 1000) if record else None

    async def look(self, task_id: UUID, resource: str) -> Look:
        """All that a start must know before it is tried, in one round trip."""
        async with self._answering(), self._client.pipeline(transaction=False) as pipe:
            pipe.time()
            pipe.hgetall(topology.task_key(task_id))
            pipe.get(topology.refusal_key(task_id))
            pipe.hgetall(topology.agent_key(resource))
            (seconds, micros), record, kept, agent = await pipe.execute()
        now = seconds * 1000 + micros // 1000
        return Look(
            task=live_of(record, now) if record else None,
            refusal=CommandReply.model_validate_json(kept) if kept else None,
            agent=agent_of(agent, now),
        )

    async def transition(
        self, version: int, change: Change, mark: Mark | None = None
    ) -> int | None:
        """Make a change, on the version it was decided on; none: there is a newer one.

        Gives the wanted list's new revision, 0 where the list is as it was.
        """
        capture = change.capture
        keys = [*_claim_keys(capture), topology.wanted_key(capture.resource)]
        done, revision = await self.run(
            "transition",
            [*keys, topology.DEADLINES_KEY],
            str(capture.task_id),
            version,
            capture.state.value,
            capture.model_dump_json(),
            capture.ledger.model_dump_json(),
            int(capture.state.ended),
            int(change.off),
            int(capture.state.ended and is_estimate(capture)),
            " ".join(change.passed),
            mark.token if mark else "",
            mark.seq if mark else "",
            LIVE_MS,
            ENDED_MS,
            spool_json(capture.spool),
        )
        return int(revision) if done else None

    async def said(self, task_id: UUID, version: int) -> bool:
        """Note that all changes up to a version were told; false: there is a newer one."""
        keys = [topology.task_key(task_id), topology.DEADLINES_KEY]
        return bool(await self.run("said", keys, str(task_id), version))

    async def entomb(self, task_id: UUID) -> bool:
        """Remember a stop whose start is not here yet; false: the task is here."""
        return bool(await self.run("tombstone", [topology.task_key(task_id)], TOMBSTONE_MS))

    # --- claims ---

    async def claim(
        self, resource: str, service: str, task_id: UUID, seconds: float
    ) -> tuple[UUID, int]:
        """Claim a service for a task, for a while; gives who holds it now, and the time (ms)."""
        keys = [topology.running_key(resource, service)]
        holder, now = await self.run("claim", keys, str(task_id), int(seconds * 1000))
        return UUID(holder.decode()), now

    async def holder(self, resource: str, service: str) -> UUID | None:
        """The task that holds the claim."""
        async with self._answering():
            holder = await self._client.get(topology.running_key(resource, service))
        return UUID(holder.decode()) if isinstance(holder, bytes) else None

    async def release(self, resource: str, service: str, task_id: UUID) -> None:
        """Give up the claim of a task that has ended or never came to be."""
        keys = [topology.running_key(resource, service), topology.task_key(task_id)]
        await self.run("release", keys, str(task_id))

    async def admit(self, capture: Capture, digest: str) -> Admission | Admitted:
        """Make a claimed and recorded capture a task that is wanted, or say why it is none."""
        task, running = _claim_keys(capture)
        agent = topology.agent_key(capture.resource)
        keys = [task, running, topology.wanted_key(capture.resource), agent]
        outcome, *found = await self.run(
            "admit",
            [*keys, topology.viewers_key(capture.session), topology.DEADLINES_KEY],
            str(capture.task_id),
            capture.model_dump_json(),
            capture.ledger.model_dump_json(),
            digest,
            capture.order().model_dump_json(),
            int(capture.requested_at.timestamp() * 1000),
            viewer_lease_ms(capture),
            LIVE_MS,
        )
        if not found:
            return Admitted(outcome.decode())
        now = int(found[0])
        record, wanted, spoken = map(hash_of, found[1:])
        return Admission(live_of(record, now), wanted_list(wanted, agent_of(spoken, now)))

    async def remember_refusal(self, task_id: UUID, reply: CommandReply) -> None:
        """Keep a refusal for a while, so that the same command is answered alike."""
        async with self._answering():
            await self._client.set(
                topology.refusal_key(task_id), reply.model_dump_json(), px=REFUSAL_MS
            )

    # --- resources ---

    async def wanted(self, resource: str) -> WantedList:
        """What is wanted on a resource."""
        async with self._answering(), self._client.pipeline(transaction=False) as pipe:
            pipe.time()
            pipe.hgetall(topology.wanted_key(resource))
            pipe.hgetall(topology.agent_key(resource))
            (seconds, micros), fields, agent = await pipe.execute()
        return wanted_list(fields, agent_of(agent, seconds * 1000 + micros // 1000))

    # --- time ---

    async def tick(self, last: int) -> Tick:
        """Note that a dispatcher is here that was here last at `last` (ms; 0: never)."""
        keys = [topology.EPOCH_KEY, topology.TICK_KEY, topology.RESOURCES_KEY]
        return Tick(*map(int, await self.run("tick", keys, last, LIVE_MS)))

    async def keep_caps(self, caps: Caps, life_ms: int) -> None:
        """Keep the operator's caps, for who asks what may be asked for."""
        async with self._answering():
            await self._client.set(topology.CAPS_KEY, caps.model_dump_json(), px=life_ms)

    async def now(self) -> int:
        """The task store's clock (ms)."""
        async with self._answering():
            seconds, micros = await self._client.time()
        return int(seconds * 1000 + micros // 1000)

    async def age(self) -> float:
        """Seconds since the task store's epoch; 0 where it was not seen yet."""
        async with self._answering(), self._client.pipeline(transaction=False) as pipe:
            pipe.time()
            pipe.get(topology.EPOCH_KEY)
            (seconds, micros), epoch = await pipe.execute()
        return seconds + micros / 1e6 - int(epoch) / 1000 if epoch else 0.0

    async def due(self, most: int, pause: float) -> list[str]:
        """Ids of tasks to look at; others leave them alone for `pause` seconds."""
        ids = await self.run("due", [topology.DEADLINES_KEY], most, int(pause * 1000))
        return [task_id.decode() for task_id in ids]

    async def defer(self, task_id: str, version: int, at: int) -> None:
        """Look at a task again at `at` (ms), unless it changes meanwhile."""
        keys = [topology.task_key(task_id), topology.DEADLINES_KEY]
        await self.run("defer", keys, task_id, version, at)

    async def watched_for(self, session: str) -> int:
        """Milliseconds until the last viewer's lease ends; 0 or less: nobody watches."""
        async with self._answering():
            return int(await self._client.pttl(topology.viewers_key(session)))

    async def take_retention(self, seconds: float) -> bool:
        """Whether removing what is stored too long is this dispatcher's for now."""
        async with self._answering():
            taken = await self._client.set(
                topology.RETENTION_KEY, b"1", px=int(seconds * 1000), nx=True
            )
        return bool(taken)

    async def ping(self) -> None:
        """Return when Redis answers."""
        async with self._answering():
            await self._client.time()

    async def run(self, script: str, keys: list[str], *args: str | bytes | float) -> Any:
        """Run a script for an adapter that stands beside this one."""
        async with self._answering():
            return await self._scripts.run(script, keys, *args)

    async def fly(self, script: str, keys: list[str], args: list[str | bytes | float]) -> Any:
        """Run a script, in one round trip with others that are called at the same time."""
        async with self._answering():
            return await self._flights.run(self._scripts.named(script), keys, args)

    @asynccontextmanager
    async def _answering(self) -> AsyncIterator[None]:
        try:
            async with tasks_errors():
                yield
        except TasksUnavailable:
            self._footing.lost()
            raise
        self._footing.held()


def viewer_lease_ms(capture: Capture) -> int:
    """How long the capture goes on unwatched; 0: for ever."""
    return 0 if capture.keep else capture.idle_seconds * 1000


def spool_json(spool: Spool | None) -> str:
    """The figures of a spool as the task's hash keeps them."""
    return spool.model_dump_json() if spool is not None else "null"


def _claim_keys(capture: Capture) -> tuple[str, str]:
    running = topology.running_key(capture.resource, capture.service)
    return topology.task_key(capture.task_id), running
