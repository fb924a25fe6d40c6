"""What happens, as server-sent events (WHATWG HTML, section 9.2)."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

from fastapi.sse import format_sse_event

from contracts.resource import Resource
from contracts.task import Task
from services.gateway.metrics import Metrics

MEDIA_TYPE = "text/event-stream"
HEARTBEAT = 10.0
"""Seconds of silence after which a comment says that the stream lives."""
_QUEUE_SIZE = 1000
_RETRY_MS = 1000

News = Task | Resource
"""What has changed, as it is now."""


class Listener:
    """One reader of events, with a bounded queue.

    When it is full the stream ends (cut-slow): a reader that has missed something must read
    anew, and an end is the one thing that every client notices and reconnects after.
    """

    def __init__(self, size: int = _QUEUE_SIZE) -> None:
        self._size = size
        self._news: deque[News] = deque()
        self._woken = asyncio.Event()
        self.ended: str | None = None

    def tell(self, news: News) -> None:
        """Queue an event."""
        if len(self._news) >= self._size:
            self.end("cut-slow")
        if self.ended is None:
            self._news.append(news)
            self._woken.set()

    def end(self, reason: str) -> None:
        """Let the stream end when what is queued has been sent."""
        self.ended = self.ended or reason
        self._woken.set()

    async def next(self, patience: float) -> News | None:
        """The next event; None when there is none for `patience` seconds, or the end has come."""
        if not self._news and self.ended is None:
            self._woken.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self._woken.wait()
        return self._news.popleft() if self._news else None

    @property
    def over(self) -> bool:
        """Whether all has been sent that ever will be."""
        return self.ended is not None and not self._news


class Listeners:
    """Everybody who reads events from this gateway: those of tasks, and some of resources too."""

    def __init__(self, metrics: Metrics) -> None:
        self._listeners: set[Listener] = set()
        self._of_resources: set[Listener] = set()
        self._metrics = metrics
        self._closed = False

    def tell(self, task: Task) -> None:
        """Queue a task's event for every listener."""
        for listener in self._listeners:
            listener.tell(task)

    def tell_resource(self, resource: Resource) -> None:
        """Queue a resource's event for those who asked for such."""
        for listener in self._of_resources:
            listener.tell(resource)

    @property
    def want_resources(self) -> bool:
        """Whether anybody has asked for the events of resources."""
        return bool(self._of_resources)

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
    def listening(self, resources: bool = False) -> Iterator[Listener]:
        """A listener, while the block runs; to events of `resources` too, or of tasks alone."""
        listener = Listener()
        if self._closed:
            listener.end("shutdown")
        self._listeners.add(listener)
        if resources:
            self._of_resources.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            self._of_resources.discard(listener)
            if listener.ended:
                self._metrics.streams_cut.labels("events", listener.ended).inc()


async def event_stream(
    listeners: Listeners, ready: Callable[[], Awaitable[None]] | None = None
) -> AsyncGenerator[bytes]:
    """The body of one event stream; with `ready`, which is awaited before it begins, the events
    of resources are in it."""
    with listeners.listening(resources=ready is not None) as listener:
        if ready is not None:
            await ready()
        yield format_sse_event(comment="task events follow", retry=_RETRY_MS)
        while not listener.over:
            news = await listener.next(HEARTBEAT)
            yield _event(news) if news else format_sse_event(comment="alive")
        yield format_sse_event(comment=f"ended: {listener.ended}; read anew")


def _event(news: News) -> bytes:
    if isinstance(news, Resource):
        return format_sse_event(event="resource", data_str=news.model_dump_json())
    event_id = f"{news.task_id}:{news.state}"
    return format_sse_event(event="task", id=event_id, data_str=news.model_dump_json())
