"""Every task that this agent has begun: what runs, and what ended and is still wanted."""

import asyncio
from collections.abc import Callable
from uuid import UUID

from contracts.ledger import Ledger
from contracts.order import Order
from contracts.task import CaptureStatus, Failure, StopReason, TaskState
from services.agent.failures import AGENT_ERROR
from services.agent.journal import Journal, restarted
from services.agent.ledgerbook import total
from services.agent.reconcile import Known, Life, Plan
from services.agent.running import Running
from services.runtime.logs import get


class Captures:
    """Begins, ends and remembers tasks. `open` comes first."""

    def __init__(
        self,
        journal: Journal,
        begin: Callable[[Order], Running],
        changed: Callable[[UUID], None],
    ) -> None:
        self._journal = journal
        self._begin = begin
        self._group: asyncio.TaskGroup | None = None
        self._changed = changed
        self._running: dict[UUID, Running] = {}
        self._ended: dict[UUID, CaptureStatus] = {}
        self._unreadable: set[UUID] = set()
        self._listed: dict[UUID, int] = {}
        self._finished = Ledger()
        self._disk = asyncio.Lock()
        self._idle = asyncio.Event()
        self._idle.set()
        self._log = get("agent")

    async def open(self, group: asyncio.TaskGroup) -> None:
        """Take over what an earlier start of this agent has left; what is begun runs in `group`."""
        self._group = group
        self._ended, self._unreadable = await asyncio.to_thread(self._journal.open)
        for task_id in self._ended:
            self._changed(task_id)

    @property
    def running(self) -> list[Running]:
        """What runs."""
        return list(self._running.values())

    def counted(self) -> Ledger:
        """All that this process has counted: the sum of every capture's ledger."""
        return total([self._finished, *(one.status().ledger for one in self.running)])

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
        return self._ended.get(task_id)

    def listing(self, seq: int) -> list[CaptureStatus]:
        """What KeepAlive `seq` lists."""
        for task_id in self._ended:
            self._listed.setdefault(task_id, seq)
        tasks = [*self._running, *self._ended]
        return [status for task in tasks if (status := self.status(task))]

    async def carry_out(self, plan: Plan) -> None:
        """Do what the plan says; returns once what it starts runs or has failed."""
        for task_id in plan.stop:
            self._running[task_id].stop(plan.reason, plan.error)
        for order in plan.cut_off:
            await self._settle(restarted(order))
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
                    await self._write(running.status())

    async def _start(self, order: Order) -> Running | None:
        """Begin a task, once it is written down that it was begun."""
        first = CaptureStatus(order=order, state=TaskState.REQUESTED)
        try:
            await asyncio.to_thread(self._journal.keep, first)
        except OSError as error:
            await self._settle(_not_written(first, error))
            return None
        assert self._group is not None
        running = self._running[order.task_id] = self._begin(order)
        self._idle.clear()
        self._group.create_task(self._supervise(running))
        return running

    async def _supervise(self, running: Running) -> None:
        status = await running.run()
        self._log.info(
            "a capture ended", session=status.order.session, state=str(status.state),
            reason=status.stop_reason, error=status.error and status.error.detail,
            **dict(status.ledger),
        )  # fmt: skip
        await self._settle(status)

    async def _settle(self, status: CaptureStatus) -> None:
        """A task has ended: write it down, then say so."""
        task_id = status.order.task_id
        async with self._disk:
            await self._write(status)
            self._ended[task_id] = status
            self._unreadable.discard(task_id)
            if self._running.pop(task_id, None):
                self._finished = total([self._finished, status.ledger])
        if not self._running:
            self._idle.set()
        self._changed(task_id)

    async def _forget(self, tasks: tuple[UUID, ...]) -> None:
        for task_id in tasks:
            await asyncio.to_thread(self._journal.forget, task_id)
            self._ended.pop(task_id, None)
            self._listed.pop(task_id, None)
            self._unreadable.discard(task_id)

    async def _write(self, status: CaptureStatus) -> None:
        try:
            await asyncio.to_thread(self._journal.keep, status)
        except OSError as error:
            self._log.error(
                "cannot write the journal", session=status.order.session, error=str(error)
            )


def _not_written(status: CaptureStatus, error: OSError) -> CaptureStatus:
    detail = f"the agent cannot write down that it begins this task: {error}; see to its disk"
    return status.model_copy(
        update={
            "state": TaskState.FAILED,
            "stop_reason": StopReason.ERROR,
            "error": Failure(code=AGENT_ERROR, detail=detail),
        }
    )
