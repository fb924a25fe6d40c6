"""Puts tasks back into a task store that has lost them."""

from collections.abc import Iterable, Sequence

from contracts import topology
from contracts.keepalive import KeepAlive
from contracts.task import Capture
from services.dispatcher.adoption import PutBack, adopt, put_back_silent
from services.dispatcher.live import Live
from services.dispatcher.metrics import Metrics
from services.dispatcher.taskstore import LIVE_MS, TaskStore, viewer_lease_ms
from services.packets.endpoints.port import PacketStore

_NOBODY = -1


class Rebuild:
    """Rebuilds from the stored records; safe when several dispatchers do it at once."""

    def __init__(
        self, tasks: TaskStore, records: PacketStore, metrics: Metrics, interval: float
    ) -> None:
        self._tasks = tasks
        self._records = records
        self._metrics = metrics
        self._interval = interval  # of an agent that has not said its own, in seconds

    async def resource(self, beat: KeepAlive) -> None:
        """Put a resource right by what its agent says. Raises Unavailable."""
        held = (await self._tasks.wanted(beat.resource)).open_ids
        records = await self._records.open_sessions(beat.resource)
        adoption = adopt(records, beat, held)
        dropped = [(task_id, await self._service(task_id)) for task_id in adoption.dropped]
        if await self._rebuild(beat.resource, adoption.put_back, dropped, beat.revision):
            self._metrics.adoptions.inc()

    async def silent(self, record: Capture) -> None:
        """Put a task back whose agent is silent, so that its time can run out."""
        await self._rebuild(record.resource, [put_back_silent(record, self._interval)], [], _NOBODY)
        self._metrics.restored.inc()

    async def _service(self, task_id: str) -> str:
        live = await self._tasks.load(task_id)
        return live.capture.service if isinstance(live, Live) else ""

    async def _rebuild(
        self,
        resource: str,
        put_back: Sequence[PutBack],
        dropped: Sequence[tuple[str, str]],
        accepted: int,
    ) -> bool:
        keys = [topology.wanted_key(resource), topology.DEADLINES_KEY]
        keys += [key for one in put_back for key in _keys(one.capture)]
        for task_id, service in dropped:
            keys += [topology.task_key(task_id), topology.running_key(resource, service)]
        args = [arg for one in put_back for arg in _args(one)]
        ids = [task_id for task_id, _ in dropped]
        done = await self._tasks.run("rebuild", keys, accepted, LIVE_MS, len(put_back), *args, *ids)
        return bool(done)


def _keys(capture: Capture) -> Iterable[str]:
    yield topology.task_key(capture.task_id)
    yield topology.running_key(capture.resource, capture.service)
    yield topology.viewers_key(capture.session)


def _args(one: PutBack) -> Iterable[str | float]:
    capture = one.capture
    yield str(capture.task_id)
    yield capture.state.value
    yield capture.model_dump_json()
    yield capture.ledger.model_dump_json()
    yield capture.order().model_dump_json() if one.wanted else ""
    yield one.boot
    yield int(capture.requested_at.timestamp() * 1000)
    yield one.interval
    yield viewer_lease_ms(capture)
