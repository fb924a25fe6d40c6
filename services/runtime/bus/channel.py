"""A channel that is there again after it, or its connection, was lost."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator

import structlog
from aio_pika.abc import AbstractConnection
from aiormq.abc import AbstractChannel

from services.runtime.backoff import delays
from services.runtime.bus.cancelled import cancelled_by_others
from services.runtime.bus.ending import end_within
from services.runtime.bus.link import Link
from services.runtime.cancelling import cancel

SETUP_SECONDS = 5.0
CLOSE_SECONDS = 1.0

log = structlog.get_logger("capflow.bus")

Lose = Callable[[], None]
"""Says that a channel is of no use any more, so that another is opened."""
Setup = Callable[[AbstractChannel, Lose], Awaitable[None]]
"""Makes a new channel fit for its purpose."""


async def _nothing(_channel: AbstractChannel, _lose: Lose) -> None:
    """A channel that needs no setting up."""


class KeptChannel:
    """A channel for one purpose; with `confirms` the broker confirms what is published on it."""

    def __init__(
        self, link: Link, purpose: str, *, confirms: bool = False, setup: Setup = _nothing
    ) -> None:
        self._link = link
        self._purpose = purpose
        self._confirms = confirms
        self._setup = setup
        self._current: AbstractChannel | None = None
        self._connection: AbstractConnection | None = None
        self._complaint = ""
        self._ready = asyncio.Event()
        self._retired = asyncio.Event()
        self._task = asyncio.create_task(self._run(), name=purpose)

    @property
    def current(self) -> AbstractChannel | None:
        """The channel, if it is open now."""
        return self._current if self._ready.is_set() else None

    async def opened(self) -> AbstractChannel:
        """The channel, as soon as it is open and set up."""
        await self._ready.wait()
        assert self._current is not None
        return self._current

    def drop_connection(self) -> None:
        """The broker does not answer on this channel: connect anew."""
        if self._ready.is_set() and self._connection is not None:
            self._link.drop(self._connection)

    async def close(self) -> None:
        """Give the channel up."""
        await cancel([self._task])

    def retire(self) -> None:
        """Go on with the channel that is open, but open no other one."""
        self._retired.set()

    async def _run(self) -> None:
        waits = _waits()
        while not self._retired.is_set():
            self._connection = connection = await self._link.connection()
            try:
                await self._live(connection)
                waits = _waits()
            except asyncio.CancelledError:
                if not cancelled_by_others():
                    raise
            except TimeoutError:
                log.warning("the broker does not answer", purpose=self._purpose)
                self._link.drop(connection)
            except Exception as error:
                self._complain(f"{type(error).__name__}: {error}")
            await asyncio.sleep(next(waits))

    async def _live(self, connection: AbstractConnection) -> None:
        """One channel, from its opening to its loss."""
        lost = asyncio.Event()
        channel = connection.channel(
            publisher_confirms=self._confirms, on_return_raises=self._confirms
        )
        channel.close_callbacks.add(lambda *_: lost.set())
        try:
            async with asyncio.timeout(SETUP_SECONDS):
                await channel.initialize()
                self._current = await channel.get_underlay_channel()
                await self._setup(self._current, lost.set)
            self._ready.set()
            self._complaint = ""
            if not channel.is_closed:
                await lost.wait()
        finally:
            self._ready.clear()
            if not channel.is_closed:
                await end_within(CLOSE_SECONDS, channel.close())

    def _complain(self, reason: str) -> None:
        """Once for each reason, not once for each try."""
        if reason != self._complaint:
            log.warning("channel failed", purpose=self._purpose, reason=reason)
        self._complaint = reason


def _waits() -> Iterator[float]:
    return delays(0.05, 2, 2, lambda: random.uniform(0.5, 1.0))  # noqa: S311
