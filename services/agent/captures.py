"""Every task that this agent has begun: what runs, and what ended and is still wanted."""

import asyncio
from collections.abc import Callable
from uuid import UUID

from contracts.ledger import Ledger
from contracts.order import Order
from contracts.spool import Spool
from contracts.task import CaptureStatus, Failure, StopReason, TaskState
from services.agent.failures import AGENT_ERROR
from services.agent.journal import Journal, Kept, begun, restarted
from services.agent.ledgerbook import since, total
from services.agent.reconcile import Known, Life, Plan
from services.agent.recovering import Recovering
from services.agent.running import Running
from services.agent.spool.folder import SpoolFolder
from services.agent.spool.shelf import Shelf
from services.runtime.logs import get


class Captures:
    """Begins, ends and remembers tasks. `open` comes first."""

    def __init__(
        self,
        journal: Journal,
        spool: SpoolFolder,
        begin: Callable[[Order], Running],
        recover: Callable[[Kept, Shelf], Recovering],
        changed: Callable[[UUID], None],
    ) -> None:
        self._journal = journal
        self._spool = spool
        self._begin = begin
        self._recover = recover
        self._group: asyncio.TaskGroup | None = None
        self._changed = changed
        self._running: dict[UUID, Running | Recovering] = {}
        self._laid_by: dict[UUID, Kept] = {}
        self._ended: dict[UUID, CaptureStatus] = {}
        self._unreadable: set[UUID] = set()
        self._listed: dict[UUID, int] = {}
        self._finished = Ledger()
        self._finished_spool = Spool()
        self._disk = asyncio.Lock()
        self._idle = asyncio.Event()
        self._idle.set()
        self._log = get("agent")

    async def open(self, group: asyncio.TaskGroup) -> None:
        """Take over what an earlier start of this agent has left; what is begun runs in `group`."""
        self._group = group
        kept, self._unreadable = await asyncio.to_thread(self._journal.open)
        orders = {one.order.session: one.order for one in kept.values()}
        left = await self._spool.call(self._spool.left, orders)
        shelves = {shelf.order.task_id: shelf for shelf in left}
        for task_id in kept.keys() | shelves.keys():
            order = shelves[task_id].order if task_id in shelves else kept[task_id].order
            await self._resume(kept.get(task_id, begun(order)), shelves.get(task_id))

    @property
    def running(self) -> list[Running | Recovering]:
        """What runs, and what is left of an earlier start."""
        return list(self._running.values())

    def spool(self) -> Spool:
        """The figures of the whole spool; what was lost, since this process began."""
        parts = [_own(one.figures(), one.earlier) for one in self.running]
        gone = self._finished_spool
        return Spool(
            bytes=sum(part.bytes for part in parts),
            packets=sum(part.packets for part in parts),
            room=self._spool.room.left,
            dropped=gone.dropped + sum(part.dropped for part in parts),
            damaged=gone.damaged + sum(part.damaged for part in parts),
            oldest=max((part.oldest for part in parts), default=0.0),
        )

    def counted(self) -> Ledger:
        """All that this process has counted: the sum of every capture's ledger, without what an
        earlier process has counted of it."""
        own = (since(one.earlier.ledger, one.status().ledger) for one in self.running)
        return total([self._finished, *own])

    def known(self) -> dict[UUID, Known]:
        """Every task begun and not forgotten."""
        return {
            **{task: Known(Life.UNKNOWN) for task in self._unreadable},
            **{task: Known(Life.ENDED, self._listed.get(task)) for task in self._ended},
            **{task: Known(Life.RUNS) for task in self._running},
        }

    def status(self, task_id: UUID) -> CaptureStatus | None:
        """How a task stands; None where it is not known or has not begun to run."""
        if running := self._running.get(task_id):
            status = running.status()
            return None if status.state is TaskState.REQUESTED else status
        return self._ended.get(task_id) or self._laid_by.get(task_id)

    def listing(self, seq: int) -> list[CaptureStatus]:
        """What KeepAlive `seq` lists."""
        for task_id in self._ended:
            self._listed.setdefault(task_id, seq)
        tasks = [*self._running, *self._laid_by, *self._ended]
        return [status for task in tasks if (status := self.status(task))]

    async def carry_out(self, plan: Plan) -> None:
        """Do what the plan says; returns once what it starts runs or has failed."""
        for task_id in plan.stop:
            self._running[task_id].stop(plan.reason, plan.error)
        for order in plan.cut_off:
            await self._settle(restarted(begun(order)))
        await self._forget(plan.forget)
        started = [await self._start(order) for order in plan.start]
        await asyncio.gather(*(running.begun.wait() for running in started if running))

    def stop_all(self, reason: StopReason) -> None:
        """Ask everything that runs to end."""
        for running in self.running:
            running.stop(reason)

    def give_up(self) -> None:
        """Let nothing wait for its endpoint any longer."""
        for running in self.running:
            running.give_up()

    async def all_ended(self) -> None:
        """Return once nothing runs."""
        await self._idle.wait()

    async def keep(self) -> None:
        """Write down how everything that runs stands, for whoever comes after a crash."""
        for task_id in list(self._running):
            async with self._disk:
                if running := self._running.get(task_id):
                    await self._write(running.kept())

    async def _start(self, order: Order) -> Running | None:
        """Begin a task, once it is written down that it was begun."""
        first = begun(order)
        try:
            await asyncio.to_thread(self._journal.keep, first)
        except OSError as error:
            await self._settle(_not_written(first, error))
            return None
        running = self._begin(order)
        self._let_run(running)
        return running

    def _let_run(self, running: Running | Recovering) -> None:
        assert self._group is not None
        self._running[running.order.task_id] = running
        self._idle.clear()
        self._group.create_task(self._supervise(running))

    async def _resume(self, kept: Kept, shelf: Shelf | None) -> None:
        """Go on with a task of an earlier start: what the spool has of it is stored first."""
        if kept.state.ended:
            self._ended[kept.order.task_id] = kept
            self._changed(kept.order.task_id)
            if shelf is not None:  # it had been stored, and could not be removed
                await self._spool.call(shelf.discard)
        elif shelf is None:
            await self._settle(restarted(kept))
        else:
            self._unreadable.discard(kept.order.task_id)
            self._let_run(self._recover(kept, shelf))
            self._changed(kept.order.task_id)

    async def _supervise(self, running: Running | Recovering) -> None:
        status = await running.run()
        if not status.state.ended:
            await self._lay_by(status)
            return
        self._log.info(
            "a capture ended", session=status.order.session, state=str(status.state),
            reason=status.stop_reason, error=status.error and status.error.detail,
            **dict(status.ledger),
        )  # fmt: skip
        await self._settle(status)

    async def _settle(self, status: Kept) -> None:
        """A task has ended: write it down, then say so."""
        task_id = status.order.task_id
        async with self._disk:
            await self._write(status)
            self._ended[task_id] = status
            self._unreadable.discard(task_id)
            self._leave(status)
        self._changed(task_id)

    async def _lay_by(self, kept: Kept) -> None:
        """The rest of a task is left for the next start: write that down."""
        self._log.info("left in the spool for the next start", session=kept.order.session)
        async with self._disk:
            await self._write(kept)
            self._laid_by[kept.order.task_id] = kept
            self._leave(kept)
        self._changed(kept.order.task_id)

    def _leave(self, kept: Kept) -> None:
        """A task runs no longer."""
        if running := self._running.pop(kept.order.task_id, None):
            own_ledger = since(running.earlier.ledger, kept.ledger)
            self._finished = total([self._finished, own_ledger])
            if kept.spool is not None:
                gone, own = self._finished_spool, _own(kept.spool, running.earlier)
                self._finished_spool = Spool(
                    dropped=gone.dropped + own.dropped, damaged=gone.damaged + own.damaged
                )
        if not self._running:
            self._idle.set()

    async def _forget(self, tasks: tuple[UUID, ...]) -> None:
        for task_id in tasks:
            await asyncio.to_thread(self._journal.forget, task_id)
            self._ended.pop(task_id, None)
            self._listed.pop(task_id, None)
            self._unreadable.discard(task_id)

    async def _write(self, status: Kept) -> None:
        try:
            await asyncio.to_thread(self._journal.keep, status)
        except OSError as error:
            self._log.error(
                "cannot write the journal", session=status.order.session, error=str(error)
            )


def _own(spool: Spool, earlier: Kept) -> Spool:
    """The figures without what an earlier process has lost."""
    lost = earlier.spool or Spool()
    own = {"dropped": spool.dropped - lost.dropped, "damaged": spool.damaged - lost.damaged}
    return spool.model_copy(update=own)


def _not_written(status: Kept, error: OSError) -> Kept:
    detail = f"the agent cannot write down that it begins this task: {error}; see to its disk"
    return status.model_copy(
        update={
            "state": TaskState.FAILED,
            "stop_reason": StopReason.ERROR,
            "error": Failure(code=AGENT_ERROR, detail=detail),
        }
    )
