"""Responses that are streamed: counted, so many at once, and cut when nobody reads on."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing, contextmanager

from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from services.gateway.metrics import Metrics
from services.gateway.problems import Refused
from services.runtime import logs

_PATIENCE = 60.0
"""Seconds in which a reader must take something."""
_RETRY_AFTER = 5.0


class Slots:
    """How many responses of one kind are streamed at once."""

    def __init__(self, kind: str, most: int, metrics: Metrics) -> None:
        self.kind = kind
        self.metrics = metrics
        self._most = most
        self._taken = 0

    def check(self) -> None:
        """Raises Refused where there is no room for one more."""
        if self._taken >= self._most:
            detail = f"{self._most} {self.kind} streams are being sent, and no more can be"
            raise Refused("too-many-streams", detail, retry_after=_RETRY_AFTER)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Take a slot for as long as a response is sent."""
        self._taken += 1
        self.metrics.streams.labels(self.kind).set(self._taken)
        try:
            yield
        finally:
            self._taken -= 1
            self.metrics.streams.labels(self.kind).set(self._taken)


class SlottedResponse(StreamingResponse):
    """A streamed response that takes one of `slots`. Raises Refused where none is free.

    The body's pieces should be small: a reader that does not take one within a minute is cut.
    """

    def __init__(
        self,
        body: AsyncGenerator[bytes],
        slots: Slots,
        media_type: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        slots.check()
        self._slots = slots
        self._body = body
        super().__init__(body, media_type=media_type, headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response (ASGI)."""
        with self._slots.held():
            async with aclosing(self._body):
                await super().__call__(scope, receive, send)

    async def stream_response(self, send: Send) -> None:
        """Send head and body, each piece within the patience there is."""

        async def timely(message: Message) -> None:
            async with asyncio.timeout(_PATIENCE):
                await send(message)

        try:
            await super().stream_response(timely)
        except TimeoutError:
            self._slots.metrics.streams_cut.labels(self._slots.kind, "took-nothing").inc()
            logs.get("gateway").warning("a reader took nothing and is cut", kind=self._slots.kind)
            raise
