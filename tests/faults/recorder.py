"""A viewer that records all it is told, and comes back by number when it is cut off."""

import asyncio
import base64
import json
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, WebSocketException

from tests.support.outside import packets_of_pcapng
from tests.support.wait import until

Ticket = dict[str, Any]
"""What the API gives: `url` and `ticket`."""
PATIENCE = 15.0
"""Seconds without a word, where a status comes each second, before a connection is given up."""
_PAUSE = 0.1


@dataclass(frozen=True, slots=True)
class Batch:
    """Packets from `first` up to `next`, as they came."""

    first: int
    next: int
    data: bytes | list[tuple[int, bytes]]
    """Enhanced Packet Blocks; or of JSON each packet with its number."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A notice of packets that do not come."""

    first: int | None
    count: int
    reason: str


@dataclass(slots=True)
class Visit:
    """One connection: what was asked, what came, and how it ended."""

    asked: int | str
    first: int | None = None
    told: list[Batch | Gap] = field(default_factory=list)
    status: dict[str, Any] | None = None
    """The last one since packets may flow."""
    end: dict[str, Any] | None = None
    errors: list[dict[str, Any]] = field(default_factory=list)


class Recorder:
    """Follows one capture until its end, over any number of connections."""

    def __init__(
        self,
        session: str,
        ticket: Callable[[], Awaitable[Ticket]],
        form: Literal["pcapng", "json"] = "pcapng",
        sock: Callable[[], socket.socket] | None = None,
    ) -> None:
        """`ticket` is asked for at each connection; `sock` makes it, where it is no usual one."""
        self.session = session
        self.visits: list[Visit] = []
        self.next: int | str = "beginning"
        """Where it goes on after the connection of the moment."""
        self.reading = asyncio.Event()
        self.reading.set()
        self._ticket = ticket
        self._form = form
        self._sock = sock
        self._task: asyncio.Task[None] | None = None
        self._connection: ClientConnection | None = None

    @property
    def end(self) -> dict[str, Any] | None:
        """The `end` it was told, once it was."""
        return self.visits[-1].end if self.visits else None

    @property
    def gaps(self) -> list[Gap]:
        """All notices so far."""
        return [one for visit in self.visits for one in visit.told if isinstance(one, Gap)]

    @property
    def runs(self) -> list[tuple[int, int]]:
        """The runs of packets that came: of each batch its first number, and the next."""
        told = [one for visit in self.visits for one in visit.told]
        return [(one.first, one.next) for one in told if isinstance(one, Batch)]

    def newest(self) -> bytes | None:
        """The last packet that came on the connection of the moment."""
        told = self.visits[-1].told if self.visits else []
        batch = next((one for one in reversed(told) if isinstance(one, Batch) and one.data), None)
        if batch is None:
            return None
        if isinstance(batch.data, bytes):
            return packets_of_pcapng(batch.data)[-1]
        return batch.data[-1][1]

    def reached(self, number: int) -> bool:
        """Whether it has, or was told of, every packet below this one."""
        return isinstance(self.next, int) and self.next >= number

    async def begin(self, timeout: float = 20) -> None:
        """Connect, and return when packets may flow."""
        self._task = asyncio.create_task(self._follow())
        await until(lambda: self._failed() or (self.visits and self.visits[-1].first is not None),
                    timeout)  # fmt: skip

    async def reaches(self, number: int, timeout: float = 30) -> None:
        """Wait until it has, or was told of, every packet below this one."""
        await until(lambda: self._failed() or self.reached(number), timeout)

    async def ends(self, timeout: float = 30) -> dict[str, Any]:
        """Wait for its end; that."""
        await until(lambda: self._failed() or self.end, timeout)
        assert self.end is not None
        return self.end

    async def leave(self) -> None:
        """Go away as a killed viewer does: without a word."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _failed(self) -> bool:
        """Raises what broke the recorder."""
        if self._task is not None and self._task.done() and not self._task.cancelled():
            self._task.result()
        return False

    async def _follow(self) -> None:
        while True:
            with suppress(OSError, InvalidHandshake, WebSocketException, TimeoutError):
                await self._visit(await self._ticket())
            if self.end:
                return
            await asyncio.sleep(_PAUSE)

    async def _visit(self, ticket: Ticket) -> None:
        options: dict[str, Any] = {"compression": None, "max_size": None, "max_queue": 4}
        if self._sock is not None:
            options["sock"] = self._sock()
        connection = await connect(ticket["url"], proxy=None, **options)
        visit = Visit(self.next)
        self.visits.append(visit)
        try:
            await self._say(connection, type="session", session=self.session,
                            ticket=ticket["ticket"])  # fmt: skip
            await self._say(connection, type="start", format=self._form, raw=True,
                            **{"from": visit.asked})  # fmt: skip
            while visit.end is None:
                await self.reading.wait()
                async with asyncio.timeout(PATIENCE):
                    await self._hear(connection, visit)
        finally:
            connection.transport.abort()

    async def _say(self, connection: ClientConnection, **message: Any) -> None:
        if message["type"] == "start" and self._form == "pcapng":
            del message["raw"]
        await connection.send(json.dumps(message))

    async def _hear(self, connection: ClientConnection, visit: Visit) -> None:
        frame = await connection.recv()
        if isinstance(frame, bytes):  # section and interface headers
            return
        message = json.loads(frame)
        kind = message["type"]
        if kind == "packets":
            await self._take(connection, visit, message)
        elif kind == "gap":
            visit.told.append(Gap(message.get("first"), message["count"], message["reason"]))
        elif kind == "started":
            visit.first = self.next = message["first"]
        elif kind in ("status", "end"):
            self._stand(visit, message)
        elif kind == "error":
            visit.errors.append(message)
            raise ConnectionAbortedError(message["code"])  # it comes again

    async def _take(
        self, connection: ClientConnection, visit: Visit, message: dict[str, Any]
    ) -> None:
        data: bytes | list[tuple[int, bytes]]
        if self._form == "pcapng":
            frame = await connection.recv()
            assert isinstance(frame, bytes), "a batch is followed by its packets"
            data = frame
        else:
            data = [(p["number"], base64.b64decode(p["data"])) for p in message["packets"]]
        visit.told.append(Batch(message["first"], message["next"], data))
        self.next = message["next"]

    def _stand(self, visit: Visit, message: dict[str, Any]) -> None:
        if visit.first is not None:  # before that it tells of the capture, not of this viewer
            visit.status = message
            self.next = message["next"]
        if message["type"] == "end":
            visit.end = message
