"""The ledgers of running captures, from the task store: one batched read a second for all, and one
at once for those that have their first viewer."""

import asyncio
from collections.abc import Iterable, Sequence
from itertools import islice

from redis.asyncio import Redis

from contracts.record import capture_of
from contracts.task import Capture
from contracts.topology import task_key
from services.runtime.redis import tasks_errors
from services.streamer.attempts import Attempts
from services.streamer.channel import Channel
from services.streamer.hub import Hub
from services.streamer.metrics import Metrics

_INTERVAL = 1.0
_BATCH = 500
_FIELDS = ("capture", "state", "ledger", "spool")


class Ledgers:
    """Keeps the channels' ledgers new; while the task store is away they grow old."""

    def __init__(self, tasks: Redis, hub: Hub, metrics: Metrics) -> None:
        self._tasks = tasks
        self._hub = hub
        self._hurry = asyncio.Event()
        self._attempts = Attempts("ledgers stand still", metrics)

    def hurry(self) -> None:
        """Read soon what was never read: the record of a capture that runs has old counts."""
        self._hurry.set()

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            await self._attempts.once(self._read_all(self._running()))
            await self._pause()

    async def _pause(self) -> None:
        until = asyncio.get_running_loop().time() + _INTERVAL
        while await self._hurried(until):
            self._hurry.clear()
            new = [channel for channel in self._running() if not channel.reported]
            await self._attempts.once(self._read_all(new))

    async def _hurried(self, until: float) -> bool:
        """Whether somebody is in a hurry before the time `until` comes."""
        try:
            async with asyncio.timeout_at(until):
                return await self._hurry.wait()
        except TimeoutError:
            return False

    def _running(self) -> list[Channel]:
        return [channel for channel in self._hub.channels.values() if not channel.ended]

    async def _read_all(self, channels: Sequence[Channel]) -> None:
        rest = iter(channels)
        while batch := list(islice(rest, _BATCH)):
            for channel, capture in zip(batch, await self._read(batch), strict=True):
                if capture is not None:
                    channel.report(capture)

    async def _read(self, channels: Sequence[Channel]) -> list[Capture | None]:
        async with tasks_errors(), self._tasks.pipeline(transaction=False) as pipe:
            for channel in channels:
                pipe.hmget(task_key(channel.capture.task_id), _FIELDS)
            return [_capture(values) for values in await pipe.execute()]


def _capture(values: Iterable[bytes | None]) -> Capture | None:
    """The capture of a hash's fields; None where there is none, as after a wipe."""
    fields = {n.encode(): v for n, v in zip(_FIELDS, values, strict=True) if v is not None}
    if b"capture" not in fields or b"state" not in fields:
        return None
    return capture_of(fields)
