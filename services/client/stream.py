"""A viewer: watches one capture over WebSocket, and goes on where it was after a lost connection.

Each connection takes a fresh ticket and names the number of the first packet still wanted, so a
viewer gets every packet once, on whatever streamer answers.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from contracts.stream import CloseCode, End, SessionInfo
from services.client.api import Gateway
from services.client.conversation import Conversation, Event, Lost, Wish
from services.client.errors import ApiError, GatewayAway, StreamerAway, ViewerRefused, passes
from services.runtime.backoff import delays

PATIENCE = 60.0
"""Seconds for which a lost streamer may stay away."""
_MAX_FRAME = 32 << 20
_PING_SECONDS = 10

_FINAL = {
    CloseCode.BAD_MESSAGE: "bad-message",
    CloseCode.NOT_AUTHENTICATED: "not-authenticated",
    CloseCode.NOT_ALLOWED: "not-allowed",
    CloseCode.NO_SUCH_SESSION: "unknown-capture",
}


class Viewer:
    """Watches one capture: iterate over `events()` until its end."""

    def __init__(
        self, gateway: Gateway, session: str, wish: Wish | None = None, patience: float = PATIENCE
    ) -> None:
        self._gateway = gateway
        self._session = session
        self._talk = Conversation(session, wish or Wish())
        self._patience = patience

    @property
    def next(self) -> int | None:
        """Number of the next packet, once it is known."""
        return self._talk.next

    async def events(self) -> AsyncGenerator[Event]:
        """What the streamer sends, in order, up to and with `End`.

        Raises ViewerRefused, ApiError, GatewayAway, and StreamerAway where it stays away.
        """
        heard: float | None = None
        waits = delays()
        while True:
            try:
                async with aclosing(self._connection()) as events:
                    async for event in events:
                        heard, waits = time.monotonic(), delays()
                        yield event
                        if isinstance(event, End):
                            return
            except (StreamerAway, GatewayAway, ApiError) as error:
                late = heard is None or time.monotonic() - heard > self._patience
                if late or not passes(error):
                    raise
                yield Lost(str(error), self._talk.next)
            await asyncio.sleep(next(waits))

    async def _connection(self) -> AsyncGenerator[Event]:
        """The events of one connection. Raises StreamerAway when it is lost."""
        ticket = await self._gateway.ticket(self._session)
        try:
            async with _connect(ticket.url) as socket:
                await socket.send(self._talk.hello(ticket.ticket))
                async with aclosing(self._heard(socket)) as events:
                    async for event in events:
                        yield event
        except ConnectionClosed as closed:
            raise _meaning(closed) from closed
        except (OSError, InvalidHandshake, InvalidURI, TimeoutError) as error:
            raise StreamerAway(f"no streamer answers at {ticket.url} ({error})") from error

    async def _heard(self, socket: ClientConnection) -> AsyncGenerator[Event]:
        while True:
            event = self._talk.take(await socket.recv())
            if isinstance(event, SessionInfo):
                await socket.send(self._talk.start())
            if event is not None:
                yield event


def _connect(url: str) -> connect:
    """Compression costs packet data a factor of twelve, so there is none; nor a proxy, as for
    every other call."""
    return connect(
        url,
        compression=None,
        proxy=None,
        max_size=_MAX_FRAME,
        ping_interval=_PING_SECONDS,
        ping_timeout=_PING_SECONDS,
        close_timeout=1,
    )


def _meaning(closed: ConnectionClosed) -> StreamerAway | ViewerRefused:
    """Our own close codes are refusals; whatever else ended it, the viewer may come back."""
    if closed.rcvd is None:
        return StreamerAway("the connection to the streamer broke")
    code, reason = closed.rcvd.code, closed.rcvd.reason
    if code in _FINAL:
        return ViewerRefused(_FINAL[code], reason or _FINAL[code])
    return StreamerAway(f"the streamer closed the connection ({code} {reason})".replace(" )", ")"))
