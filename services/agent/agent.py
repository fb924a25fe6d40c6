"""The agent: its parts, and what they say to each other."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from uuid import UUID

from contracts.keepalive import KeepAlive, Wanted
from contracts.task import StopReason, TaskReport
from services.agent.backlog import Backlog
from services.agent.captures import Captures
from services.agent.catalogue import Catalogue
from services.agent.identity import IdentityFile
from services.agent.inbox import Inbox
from services.agent.journal import Journal
from services.agent.keepalive import KeepAlives
from services.agent.metrics import AgentMetrics
from services.agent.reconcile import reconcile
from services.agent.recovering import Recovering
from services.agent.reports import Reports
from services.agent.running import Running, Workshop
from services.agent.settings import AgentSettings
from services.agent.spiller import Spiller
from services.agent.spool.folder import SpoolFolder
from services.runtime.bus.port import Bus
from services.runtime.logs import get

STORING_SECONDS = 4.5
"""How long a drain waits for the endpoints to take what has been captured. The whole drain must
fit into the life cycle's deadline, even where everything below is frozen."""
FLUSHING_SECONDS = 3.0
"""How long it then may take to leave the rest in the spool."""
GIVING_UP_SECONDS = 1.0
REPORTING_SECONDS = 1.5
KEEPING_SECONDS = 1.0
NUDGE_SECONDS = 0.05
"""How long after a list was accepted its KeepAlive follows: by then what the list began has been
reported, and the KeepAlive says nothing new."""


class AgentRefused(Exception):
    """The dispatcher does not serve this agent; the text is why."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What an agent is made of."""

    settings: AgentSettings
    version: str
    identity: IdentityFile
    catalogue: Catalogue
    bus: Bus
    metrics: AgentMetrics
    spool: SpoolFolder
    workshop: Callable[[Callable[[UUID], None], Callable[[], None]], Workshop]
    """Makes the workshop, given whom to tell of a change, and of memory that runs short."""


class Agent:
    """One agent. `open`, then its tasks in `background` run until `drain` is done."""

    def __init__(self, parts: Parts) -> None:
        settings, metrics = parts.settings, parts.metrics
        self._parts = parts
        self._seq = count(1)
        self._refused: str | None = None
        self._inbox = Inbox(settings.resource)
        self._keepalives = KeepAlives(
            parts.bus, self._inbox.receive, self.keepalive, settings.keepalive, metrics
        )
        self._reports = Reports(parts.bus, self.report, self._running, metrics)
        self._spiller = Spiller(parts.spool, self._backlogs, metrics)
        changed = self._reports.changed
        workshop = parts.workshop(changed, self._spiller.press)
        store_of = workshop.preparer.store_of
        self.captures = Captures(
            Journal(settings.folder / "journal"),
            parts.spool,
            lambda order: Running(order, workshop),
            lambda kept, shelf: Recovering(kept, shelf, parts.spool, store_of, changed),
            changed,
        )
        self._log = get("agent")

    async def open(self, group: asyncio.TaskGroup) -> None:
        """Take over what an earlier start has left; what is begun runs in `group`."""
        await self.captures.open(group)
        metrics, captures = self._parts.metrics, self.captures
        metrics.running.set_function(lambda: len(captures.running))
        metrics.waiting.set_function(lambda: sum(one.bytes for one in self._backlogs()))
        metrics.count(captures.counted)
        metrics.watch_spool(captures.spool, lambda: self._parts.spool.foreign)

    def keepalive(self) -> KeepAlive:
        """The next KeepAlive."""
        seq, settings, identity = next(self._seq), self._parts.settings, self._parts.identity
        return KeepAlive(
            resource=settings.resource,
            agent_id=identity.identity.agent_id,
            boot=identity.identity.boot,
            seq=seq,
            revision=identity.identity.revision,
            interval=settings.keepalive,
            version=self._parts.version,
            services=[service.info() for service in self._parts.catalogue.services()],
            captures=self.captures.listing(seq),
            spool=self.captures.spool(),
        )

    def report(self, task_id: UUID) -> TaskReport | None:
        """The next report of a task; None where there is nothing to say of it."""
        status = self.captures.status(task_id)
        if status is None:
            return None
        identity = self._parts.identity.identity
        return TaskReport(
            resource=self._parts.settings.resource,
            agent_id=identity.agent_id,
            boot=identity.boot,
            seq=next(self._seq),
            capture=status,
        )

    async def say_alive(self) -> None:
        """Send KeepAlives, for ever."""
        await self._keepalives.run()

    async def say_how_it_goes(self) -> None:
        """Publish reports, for ever."""
        await self._reports.run()

    async def spill(self) -> None:
        """Take what waits long from memory to disk, for ever."""
        await self._spiller.run()

    async def follow(self) -> None:
        """Do what is wanted, for ever: the intake."""
        while True:
            await self.apply(await self._inbox.next())

    async def keep_journal(self) -> None:
        """Write down once a second how captures stand, for ever."""
        while True:
            await asyncio.sleep(KEEPING_SECONDS)
            await self.captures.keep()

    async def apply(self, wanted: Wanted) -> None:
        """Make what runs what is wanted. The revision is accepted once that is begun."""
        self._note_refusal(wanted.refused)
        identity = self._parts.identity
        accepted = identity.identity.revision
        plan = reconcile(wanted, accepted, self.captures.known())
        await self.captures.carry_out(plan)
        if plan.revision != accepted:
            await asyncio.to_thread(identity.accept, plan.revision)
            asyncio.get_running_loop().call_later(NUDGE_SECONDS, self._keepalives.nudge)

    async def served(self) -> None:
        """A check: raises AgentRefused while the dispatcher does not serve this agent."""
        if self._refused is not None:
            raise AgentRefused(self._refused)

    async def drain(self) -> None:
        """End every capture, store what it has, report it. The intake has stopped by now."""
        self.captures.stop_all(StopReason.AGENT_SHUTDOWN)
        if not await _within(STORING_SECONDS, self.captures.all_ended):
            self._log.warning("the endpoint does not take what was captured: leaving it on disk")
            self.captures.give_up()
            await _within(FLUSHING_SECONDS, self.captures.all_ended)
        await _within(REPORTING_SECONDS, self._reports.all_sent)
        await _within(GIVING_UP_SECONDS, self._keepalives.send)

    async def close(self) -> None:
        """Give up the reply address."""
        await _within(GIVING_UP_SECONDS, self._keepalives.close)

    def _backlogs(self) -> list[Backlog]:
        return [running.backlog for running in self.captures.running]

    def _running(self) -> list[UUID]:
        return [running.order.task_id for running in self.captures.running]

    def _note_refusal(self, refused: str | None) -> None:
        if refused != self._refused:
            if refused is not None:
                self._log.error("the dispatcher refuses this agent", reason=refused)
            else:
                self._log.info("the dispatcher serves this agent")
        self._refused = refused


async def _within(seconds: float, call: Callable[[], Awaitable[None]]) -> bool:
    """Whether a call returned in time; if not, it is given up."""
    try:
        async with asyncio.timeout(seconds):
            await call()
    except TimeoutError:
        return False
    return True
