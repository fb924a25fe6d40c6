"""One connection to the broker, made anew whenever it is lost or does not answer.

The AMQP library's own reconnecting is not used: it restores channels and consumers as it remembers
them, while ours are set up the same way each time, on a connection that has just been made.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress

import aio_pika
import structlog
from aio_pika.abc import AbstractConnection
from yarl import URL

from services.runtime.backoff import delays
from services.runtime.bus.cancelled import cancelled_by_others
from services.runtime.bus.ending import end_within
from services.runtime.cancelling import cancel

CONNECT_SECONDS = 5.0
CLOSE_SECONDS = 2.5
CARE_SECONDS = 3.0
HEARTBEAT_SECONDS = 5

log = structlog.get_logger("capflow.bus")

Care = Callable[[AbstractConnection], Awaitable[None]]
"""Puts the broker in order; called with each new connection, and every three seconds."""


class Link:
    """A connection named `name`, for as long as it runs."""

    def __init__(self, url: URL, name: str, care: Care | None = None) -> None:
        self._url = url.update_query(
            {"heartbeat": str(HEARTBEAT_SECONDS), "name": name, **url.query}
        )
        self._name = name
        self._care = care
        self._connection: AbstractConnection | None = None
        self._opened = asyncio.Event()
        self._lost = asyncio.Event()
        self._closing: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None
        self._complaint = ""
        self.regained = 0.0

    @property
    def started(self) -> bool:
        """Whether it is meant to be connected."""
        return self._task is not None

    @property
    def connected(self) -> bool:
        """Whether it is."""
        return self._opened.is_set()

    def start(self) -> None:
        """Connect, and stay connected."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=self._name)

    async def connection(self) -> AbstractConnection:
        """The connection, as soon as there is one."""
        await self._opened.wait()
        assert self._connection is not None
        return self._connection

    def drop(self, connection: AbstractConnection) -> None:
        """It does not answer: close it and connect anew, unless that has been done already."""
        if connection is self._connection:
            self._lost.set()

    async def close(self) -> None:
        """Disconnect; in a few seconds, whether the broker answers or not."""
        if self._task is not None:
            await cancel([self._task])
            self._task = None
        await asyncio.gather(*self._closing, return_exceptions=True)

    async def _run(self) -> None:
        waits = _waits()
        while True:
            try:
                await self._live()
                waits = _waits()
            except asyncio.CancelledError:
                if not cancelled_by_others():
                    raise
                log.warning("the broker closed a connection", connection=self._name)
            except Exception as error:
                self._complain(_words(error))
            await asyncio.sleep(next(waits))

    async def _live(self) -> None:
        """One connection, from its start to its loss."""
        connection = aio_pika.Connection(self._url)
        self._lost = lost = asyncio.Event()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await connection.connect()
                connection.close_callbacks.add(lambda *_: lost.set())
                await self._look_after(connection)
            self._connection = connection
            self.regained = asyncio.get_running_loop().time()
            self._opened.set()
            self._complaint = ""
            log.info("connected to the broker", connection=self._name)
            await self._until(lost, connection)
            log.warning("connection to the broker lost", connection=self._name)
        finally:
            self._opened.clear()
            self._discard(connection)

    async def _until(self, lost: asyncio.Event, connection: AbstractConnection) -> None:
        while not lost.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(CARE_SECONDS):
                    await lost.wait()
                return
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._look_after(connection)

    async def _look_after(self, connection: AbstractConnection) -> None:
        if self._care is not None:
            await self._care(connection)

    def _complain(self, reason: str) -> None:
        """Once for each reason, not once for each try."""
        if reason != self._complaint:
            log.warning("broker is away", connection=self._name, reason=reason)
        self._complaint = reason

    def _discard(self, connection: AbstractConnection) -> None:
        """Close in the background: a frozen broker takes seconds, and we connect meanwhile."""
        task = asyncio.create_task(end_within(CLOSE_SECONDS, connection.close()))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


def _waits() -> Iterator[float]:
    return delays(0.1, 2, 2, lambda: random.uniform(0.5, 1.0))  # noqa: S311


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
