"""Acknowledgements of one channel: those of one turn of the event loop go out together."""

import asyncio

import structlog
from aiormq.abc import AbstractChannel

from services.runtime.bus.cancelled import cancelled_by_others

log = structlog.get_logger("capflow.bus")


class Due:
    """Which acknowledgements are due. Tags count up from 1; one may stand for all below. Pure."""

    def __init__(self) -> None:
        self._below = 0
        self._early: set[int] = set()
        """Acknowledged, while one before it is not: as many as are handled in the meantime."""

    def take(self, done: set[int]) -> list[tuple[int, bool]]:
        """What to send for messages newly done: tags, and whether all below are meant too."""
        last = 0
        while (tag := self._below + 1) in done or tag in self._early:
            self._below = tag
            last = tag if tag in done else last
            self._early.discard(tag)
        alone = sorted(tag for tag in done if tag > self._below)
        self._early.update(alone)
        return [(last, True)] * bool(last) + [(tag, False) for tag in alone]


class Acks:
    """Collects the tags of messages that are done with, and acknowledges them."""

    def __init__(self, channel: AbstractChannel) -> None:
        self.channel = channel
        self._due = Due()
        self._done: set[int] = set()
        self._sending: asyncio.Task[None] | None = None

    def add(self, tag: int) -> None:
        """A message is done with."""
        self._done.add(tag)
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send())

    async def finish(self) -> None:
        """Return when all of them are on their way."""
        if self._sending is not None:
            await self._sending

    async def _send(self) -> None:
        """Where the channel is lost the messages come again: handlers expect that."""
        try:
            while self._done:
                done, self._done = self._done, set()
                for tag, multiple in self._due.take(done):
                    await self.channel.basic_ack(tag, multiple=multiple, wait=False)
        except asyncio.CancelledError:
            if not cancelled_by_others():
                raise
        except Exception as error:  # the library ends what waits with a bare one, among others
            log.warning("acknowledgements lost", reason=f"{type(error).__name__}: {error}")
