"""What is stored goes when it is too old or too much: the oldest first, each whole."""

from datetime import datetime, timedelta

from contracts.record import instant
from contracts.task import Capture
from services.dispatcher.metrics import Metrics
from services.dispatcher.ownerless import Ownerless
from services.dispatcher.rounds import rounds
from services.dispatcher.taskstore import TaskStore
from services.dispatcher.timing import Timing
from services.packets.endpoints.opening import Endpoints
from services.runtime import logs

log = logs.get("dispatcher")

_PAGE = 50


class Retention:
    """Removes ended captures: `keep` is in seconds, `quota` in captured bytes."""

    def __init__(
        self,
        tasks: TaskStore,
        endpoints: Endpoints,
        keep: float,
        quota: int,
        timing: Timing,
        metrics: Metrics,
    ) -> None:
        self._tasks = tasks
        self._endpoints = endpoints
        self._records = endpoints.first
        self._keep = timedelta(seconds=keep)
        self._quota = quota
        self._timing = timing
        self._metrics = metrics
        self._ownerless = Ownerless(endpoints, metrics)

    async def run(self) -> None:
        """A round now and then, for ever; by one dispatcher at a time."""
        await rounds("retention", self._mine, self._timing.retain, self._metrics)

    async def _mine(self) -> None:
        if await self._tasks.take_retention(self._timing.retain * 0.9):
            await self.round()

    async def round(self) -> None:
        """Remove what is too old, then what is too much, then what is nobody's. Raises
        Unavailable."""
        before = instant(await self._tasks.now()) - self._keep
        await self._by_age(before)
        await self._by_size()
        await self._ownerless.round(before)

    async def _by_age(self, before: datetime) -> None:
        while old := await self._records.ended_before(before, _PAGE):
            for capture in old:
                await self._remove(capture, "age")

    async def _by_size(self) -> None:
        total = await self._records.total_bytes()
        while total > self._quota:
            oldest = await self._records.oldest_ended(_PAGE)
            if not oldest:
                log.warning("quota is full of captures that still run", bytes=total)
                return
            for capture in oldest:
                if total <= self._quota:
                    return
                await self._remove(capture, "quota")
                total = await self._records.total_bytes()

    async def _remove(self, capture: Capture, cause: str) -> None:
        """The blocks first: a record without blocks can be removed again, blocks without a record
        could not be found."""
        try:
            await self._endpoints.get(capture.endpoint.name).delete_blocks(capture.session)
        except KeyError:
            log.warning("blocks left: endpoint is not configured", session=capture.session)
        await self._records.delete_session(capture.session)
        self._metrics.removed.labels(cause).inc()
        log.info("capture removed", session=capture.session, cause=cause)
