"""Viewer leases: while somebody watches, a capture is told so, and is not stopped for want of
viewers."""

import asyncio

from redis.asyncio import Redis

from contracts.topology import viewers_key
from services.runtime.redis import tasks_errors
from services.streamer.attempts import Attempts
from services.streamer.channel import Channel
from services.streamer.hub import Hub
from services.streamer.metrics import Metrics

_MOST = 5.0
"""Seconds between two renewals at most."""
_RENEWALS = 3
"""Renewals in the life of a lease, so that two may be lost."""


class Leases:
    """Renews the lease of each session that has a viewer.

    Nothing is released: the lease ends by itself, `idle_seconds` after the last viewer of all
    streamers has gone.
    """

    def __init__(self, tasks: Redis, hub: Hub, metrics: Metrics) -> None:
        self._tasks = tasks
        self._hub = hub
        self._hurry = asyncio.Event()
        self._attempts = Attempts("viewer leases are not renewed", metrics)

    def hurry(self) -> None:
        """Renew soon: a session has its first viewer."""
        self._hurry.set()

    async def run(self) -> None:
        """Renew until cancelled; while the task store is away, try again and again."""
        while True:
            self._hurry.clear()
            watched = [c for c in self._hub.channels.values() if _is_watched(c)]
            await self._attempts.once(self._renew(watched))
            await self._pause(watched)

    async def _renew(self, channels: list[Channel]) -> None:
        if not channels:
            return
        async with tasks_errors(), self._tasks.pipeline(transaction=False) as pipe:
            for channel in channels:
                lease = channel.capture.idle_seconds * 1000
                pipe.set(viewers_key(channel.session), b"1", px=lease)
            await pipe.execute()

    async def _pause(self, channels: list[Channel]) -> None:
        shortest = min((c.capture.idle_seconds / _RENEWALS for c in channels), default=_MOST)
        try:
            async with asyncio.timeout(min(shortest, _MOST)):
                await self._hurry.wait()
        except TimeoutError:
            return


def _is_watched(channel: Channel) -> bool:
    return bool(channel.members) and not channel.ended
