"""Tasks and captures as they are now: from the task store while they live, else from the record."""

from collections.abc import Sequence
from uuid import UUID

from redis.asyncio import Redis

from contracts.record import capture_of
from contracts.rest import Page
from contracts.task import Capture, Task
from contracts.topology import task_key
from services.gateway.problems import Refused, wrong_field
from services.packets.endpoints.port import PacketStore, SessionQuery
from services.runtime.redis import tasks_errors


class TaskReads:
    """Reads tasks and captures. Raises TasksUnavailable and StoreUnavailable."""

    def __init__(self, tasks: Redis, records: PacketStore) -> None:
        self._tasks = tasks
        self._records = records

    async def task(self, task_id: UUID) -> Task:
        """One task. Raises Refused where there is none."""
        live = (await self._live([task_id]))[0]
        if live is not None:
            return live.task()
        found = await self._records.session_of_task(task_id)
        if found is None:
            raise Refused("unknown-task", f"there is no task {task_id}")
        return found[0].task()

    async def capture(self, session: str) -> Capture:
        """One capture. Raises Refused where there is none."""
        recorded = await self._records.session(session)
        if recorded is None:
            raise unknown_capture(session)
        return (await self._newest([recorded]))[0]

    async def captures(self, query: SessionQuery) -> Page[Capture]:
        """A page of captures, newest first. Raises Refused where the cursor is not one."""
        try:
            recorded, cursor = await self._records.list_sessions(query)
        except ValueError:
            raise wrong_field("cursor", "must be the next_cursor of the page before") from None
        return Page(items=await self._newest(recorded), next_cursor=cursor)

    async def _newest(self, recorded: Sequence[Capture]) -> list[Capture]:
        """The captures with what the task store knows of those that have not ended."""
        open_ids = [capture.task_id for capture in recorded if not capture.state.ended]
        live = dict(zip(open_ids, await self._live(open_ids), strict=True))
        return [live.get(capture.task_id) or capture for capture in recorded]

    async def _live(self, task_ids: Sequence[UUID]) -> list[Capture | None]:
        if not task_ids:
            return []
        async with tasks_errors(), self._tasks.pipeline(transaction=False) as pipeline:
            for task_id in task_ids:
                pipeline.hgetall(task_key(task_id))
            hashes = await pipeline.execute()
        # A hash without a capture is the mark of a stop that came before its start.
        return [capture_of(record) if b"capture" in record else None for record in hashes]


def unknown_capture(session: str) -> Refused:
    """The 404 of a capture."""
    return Refused("unknown-capture", f"there is no capture {session}")
