"""Who may capture a service: one task at a time."""

import asyncio
from uuid import UUID

from contracts.task import Capture
from services.dispatcher.live import Live, Tombstone
from services.dispatcher.taskstore import TaskStore
from services.dispatcher.timing import Timing
from services.packets.endpoints.port import PacketStore

_POLL = 0.02


class Claims:
    """Takes claims, and finds out who holds one."""

    def __init__(self, tasks: TaskStore, records: PacketStore, timing: Timing) -> None:
        self._tasks = tasks
        self._records = records
        self._timing = timing

    async def take(self, resource: str, service: str, task_id: UUID) -> int | Capture | None:
        """Claim a service for a task.

        Gives the time (ms) at which it got it, or the capture that runs, or none where another
        start has the claim and is still being decided. Whether the task store should have given
        it, only `forgotten` tells. Raises Unavailable.
        """
        patience = asyncio.get_running_loop().time() + self._timing.contest
        while True:
            holder, now = await self._tasks.claim(resource, service, task_id, self._timing.claim)
            if holder == task_id:
                return now
            last = asyncio.get_running_loop().time() > patience
            running = await self._running(holder, last)
            if isinstance(running, Capture):
                return running
            if running:
                await self._tasks.release(resource, service, holder)
            elif last:
                return None
            else:
                await asyncio.sleep(_POLL)

    async def forgotten(self, resource: str, service: str, task_id: UUID) -> Capture | None:
        """A capture that still runs by its record; the task store has lost it if it gave us the
        claim, which is given up then."""
        for capture in await self._records.open_sessions(resource):
            if capture.service == service and capture.task_id != task_id:
                await self._tasks.release(resource, service, task_id)
                return capture
        return None

    async def _running(self, holder: UUID, look_it_up: bool) -> Capture | bool:
        """The holder's capture, or whether it has ended; it may not be there yet."""
        live = await self._tasks.load(holder)
        if isinstance(live, Live):
            return live.capture.state.ended or live.capture
        if isinstance(live, Tombstone):
            return True
        recorded = await self._records.session_of_task(holder) if look_it_up else None
        if recorded is None:
            return False
        return recorded[0].state.ended or recorded[0]
