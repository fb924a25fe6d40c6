"""The ack rule: when a message is done with, tried again, or dead. Said once, for both adapters.

A message is acknowledged after its handler returned, so its effect is durable by then, or after a
copy of it lies in the dead letters. While something we depend on is away the same message is tried
again in place, and no other of its queue is begun.
"""

import asyncio
import random
import sys
from collections.abc import Awaitable, Callable
from enum import Enum

import structlog

from contracts.topology import QueueSpec
from services.runtime.backoff import delays
from services.runtime.bus.cancelled import cancelled_by_others
from services.runtime.bus.codec import too_large
from services.runtime.bus.limits import MAX_MESSAGE_BYTES
from services.runtime.bus.port import Handler, Incoming
from services.runtime.bus.trace import adopt
from services.runtime.errors import Unavailable, Undecodable

log = structlog.get_logger("capflow.bus")

Bury = Callable[[Incoming, str], Awaitable[None]]
"""Puts a copy of a message into the dead letters with the reason; returns when it is safe there."""
Wanted = Callable[[], bool]
"""Whether the message is still ours to handle; it is not when its connection is lost."""


class Verdict(Enum):
    """What becomes of a message after its handler ended."""

    DONE = "acknowledge"
    AGAIN = "pause, then the same message again"
    DEAD = "to the dead letters, then acknowledge"


def verdict(error: Exception | None) -> Verdict:
    """What the way its handler ended means for a message."""
    match error:
        case None:
            return Verdict.DONE
        case Unavailable():
            return Verdict.AGAIN
        case _:
            return Verdict.DEAD


class Pause:
    """The pause of one queue while something it depends on is away: longer with each failure."""

    def __init__(self) -> None:
        self._ended = asyncio.Event()
        self._until = 0.0
        self._restart()

    @property
    def on(self) -> bool:
        """Whether something was away when it was last tried."""
        return self._until > 0

    async def over(self) -> None:
        """Wait until the next try is due."""
        while (left := self._until - asyncio.get_running_loop().time()) > 0:
            try:
                await asyncio.wait_for(self._ended.wait(), left)
            except TimeoutError:
                continue
            return

    def lengthen(self) -> bool:
        """A try has failed; of those begun together only the first counts, and is told so."""
        now = asyncio.get_running_loop().time()
        counts = now >= self._until
        if counts:
            self._until = now + next(self._delays)
        return counts

    def succeed(self) -> None:
        """A try went well: the next failure starts with a short pause again."""
        if self._until:
            self._restart()

    def end(self) -> None:
        """Nobody waits any more: the consumer is being cancelled."""
        self._ended.set()

    def _restart(self) -> None:
        self._until = 0.0
        self._delays = delays(0.1, 2, 5, lambda: random.uniform(0.8, 1.0))  # noqa: S311


class AckRule:
    """The rule for the messages of one queue."""

    def __init__(self, queue: QueueSpec, handler: Handler, bury: Bury) -> None:
        self._queue = queue.name
        self._most_bytes = MAX_MESSAGE_BYTES if queue.dead_letters else sys.maxsize
        self._handler = handler
        self._bury = bury
        self.pause = Pause()

    async def settle(self, incoming: Incoming, wanted: Wanted) -> bool:
        """Handle one message; True: acknowledge it, False: it is not ours any more."""
        adopt(incoming.headers)
        size = len(incoming.body)
        reason = too_large(size) if size > self._most_bytes else None
        while True:
            await self.pause.over()
            if not wanted():
                return False
            try:
                reason = reason or await self._try(incoming)
                if reason is not None:
                    await self._bury(incoming, reason)
            except Exception as error:
                # Something is away, or the dead letters cannot be reached: nothing may get lost.
                self._again(incoming, error)
            else:
                self.pause.succeed()
                return True

    async def _try(self, incoming: Incoming) -> str | None:
        """Hand the message over; the reason why it is dead, if it is."""
        try:
            await self._handler(incoming)
        except asyncio.CancelledError as error:
            if not cancelled_by_others():
                raise
            raise Unavailable("a connection that the handler used was closed") from error
        except Exception as error:
            if verdict(error) is Verdict.AGAIN:
                raise
            return self._dead(incoming, error)
        return None

    def _dead(self, incoming: Incoming, error: Exception) -> str:
        where = {"queue": self._queue, "type": incoming.type, "message_id": incoming.message_id}
        if isinstance(error, Undecodable):
            log.warning("message cannot be decoded", reason=str(error), **where)
            return str(error)
        log.error("message could not be handled", exc_info=error, **where)
        return f"{type(error).__name__}: {error}"

    def _again(self, incoming: Incoming, error: Exception) -> None:
        if self.pause.lengthen():
            log.warning("message waits", queue=self._queue, type=incoming.type, reason=str(error))
