"""Looks after the captures that are followed: renews their viewer leases, reads how they are."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from redis.asyncio import Redis

from contracts.topology import viewers_key
from services.gateway.followed import Followed
from services.gateway.following import Following
from services.gateway.metrics import Metrics
from services.gateway.problems import Refused
from services.gateway.taskreads import TaskReads
from services.runtime import logs
from services.runtime.errors import TasksUnavailable, Unavailable
from services.runtime.redis import tasks_errors

_MOST = 1.0
"""Seconds between two rounds at most: how late a live export may be where a feed told nothing."""
_RENEWALS = 3
"""Renewals in the life of a lease, so that two may be lost."""


class Attending:
    """A live export is a viewer. Its lease is not released: it ends by itself, `idle_seconds`
    after the last viewer of all has gone."""

    def __init__(
        self, tasks: Redis, reads: TaskReads, following: Following, metrics: Metrics
    ) -> None:
        self._tasks = tasks
        self._reads = reads
        self._following = following
        self._metrics = metrics
        self._away = False

    async def run(self) -> None:
        """Look after them until cancelled; what is away is tried again each round."""
        while True:
            self._following.began.clear()
            open_ones = [each for each in self._following.sessions.values() if not each.over]
            await self._look_after(open_ones)
            for each in open_ones:
                each.ring()  # blocks may have come that no feed told of
            _heed_cancellation()
            await self._pause(open_ones)

    async def _look_after(self, open_ones: Sequence[Followed]) -> None:
        try:
            await self._renew(open_ones)
            await asyncio.gather(*map(self._read, open_ones))
            self._away = False
        except Unavailable as error:
            self._note_away(error)

    async def _renew(self, open_ones: Sequence[Followed]) -> None:
        if not open_ones:
            return
        async with tasks_errors(), self._tasks.pipeline(transaction=False) as pipe:
            for each in open_ones:
                lease = each.capture.idle_seconds * 1000
                pipe.set(viewers_key(each.capture.session), b"1", px=lease)
            await pipe.execute()

    async def _read(self, followed: Followed) -> None:
        try:
            followed.record(await self._reads.capture(followed.capture.session))
        except Refused:
            followed.vanish()

    async def _pause(self, open_ones: Sequence[Followed]) -> None:
        shortest = min((each.capture.idle_seconds / _RENEWALS for each in open_ones), default=_MOST)
        with suppress(TimeoutError):
            async with asyncio.timeout(min(shortest, _MOST)):
                await self._following.began.wait()

    def _note_away(self, error: Unavailable) -> None:
        what = "tasks" if isinstance(error, TasksUnavailable) else "store"
        self._metrics.feeds.labels(what, "away").inc()
        if not self._away:
            logs.get("gateway").warning("live exports are not looked after", reason=str(error))
        self._away = True


def _heed_cancellation() -> None:
    """`asyncio.wait_for` of Python 3.11, which Redis clients use, loses a cancellation that comes
    together with the answer: without this the task would go on for ever."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
