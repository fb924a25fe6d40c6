"""Task events as server-sent events (WHATWG HTML, section 9.2)."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, suppress

from fastapi.sse import format_sse_event

from contracts.task import Task
from services.gateway.metrics import Metrics

MEDIA_TYPE = "text/event-stream"
HEARTBEAT = 10.0
"""Seconds of silence after which a comment says that the stream lives."""
_QUEUE_SIZE = 1000
_RETRY_MS = 1000


class Listener:
    """One reader of task events, with a bounded queue.

    When it is full the stream ends (cut-slow): a reader that has missed something must read
    anew, and an end is the one thing that every client notices and reconnects after.
    """

    def __init__(self, size: int = _QUEUE_SIZE) -> None:
        self._size = size
        self._tasks: deque[Task] = deque()
        self._woken = asyncio.Event()
        self.ended: str | None = None

    def tell(self, task: Task) -> None:
        """Queue an event."""
        if len(self._tasks) >= self._size:
            self.end("cut-slow")
        if self.ended is None:
            self._tasks.append(task)
            self._woken.set()

    def end(self, reason: str) -> None:
        """Let the stream end when what is queued has been sent."""
        self.ended = self.ended or reason
        self._woken.set()

    async def next(self, patience: float) -> Task | None:
        """The next event; None when there is none for `patience` seconds, or the end has come."""
        if not self._tasks and self.ended is None:
            self._woken.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self._woken.wait()
        return self._tasks.popleft() if self._tasks else None

    @property
    def over(self) -> bool:
        """Whether all has been sent that ever will be."""
        return self.ended is not None and not self._tasks


class Listeners:
    """Everybody who reads task events from this gateway."""

    def __init__(self, metrics: Metrics) -> None:
        self._listeners: set[Listener] = set()
        self._metrics = metrics
        self._closed = False

    def tell(self, task: Task) -> None:
        """Queue an event for every listener."""
        for listener in self._listeners:
            listener.tell(task)

    def missed(self) -> None:
        """Events were missed: end every stream, so that its reader reads anew."""
        self._end("missed")

    def close(self) -> None:
        """End every stream, and each one that begins later."""
        self._closed = True
        self._end("shutdown")

    def _end(self, reason: str) -> None:
        for listener in self._listeners:
            listener.end(reason)

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """A listener, while the block runs."""
        listener = Listener()
        if self._closed:
            listener.end("shutdown")
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            if listener.ended:
                self._metrics.streams_cut.labels("events", listener.ended).inc()


async def event_stream(listeners: Listeners) -> AsyncGenerator[bytes]:
    """The body of one event stream."""
    with listeners.listening() as listener:
        yield format_sse_event(comment="task events follow", retry=_RETRY_MS)
        while not listener.over:
            task = await listener.next(HEARTBEAT)
            yield _event(task) if task else format_sse_event(comment="alive")
        yield format_sse_event(comment=f"ended: {listener.ended}; read anew")


def _event(task: Task) -> bytes:
    event_id = f"{task.task_id}:{task.state}"
    return format_sse_event(event="task", id=event_id, data_str=task.model_dump_json())
