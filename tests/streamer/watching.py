"""A viewer that checks what it is sent: nothing twice, nothing out of order, no hole untold."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Any, Literal, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from services.packets.pcapng import EPB_HEADER_SIZE, frames_of
from tests.streamer.play import number_in

Json = dict[str, Any]


class Watching:
    """One connection to a streamer."""

    def __init__(self, port: int, session: str, ticket: str, **options: Any) -> None:
        self.port = port
        self.session = session
        self.ticket = ticket
        self.messages: list[Json] = []
        self.header: bytes | None = None
        self.next: int | None = None
        self.first: int | None = None
        self.numbers: list[int] = []
        self.told: Counter[str] = Counter()
        self.holes = 0
        self._announced: Json | None = None
        self._options = options
        self.socket: ClientConnection

    async def __aenter__(self) -> Self:
        self.socket = await connect(
            f"ws://127.0.0.1:{self.port}/v1/stream",
            compression=None,
            max_size=None,
            ping_interval=None,
            close_timeout=1,
            **self._options,
        )
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        self.socket.transport.abort()
        await self.socket.wait_closed()

    async def send(self, **message: Any) -> None:
        """Send a message."""
        await self.socket.send(json.dumps(message))

    async def enter(self) -> Json:
        """Name the session, and be let in: the capture."""
        await self.send(type="session", session=self.session, ticket=self.ticket)
        capture: Json = (await self.until("session"))["capture"]
        return capture

    async def start(self, **wish: Any) -> int:
        """Let packets flow: the first number."""
        await self.send(type="start", **wish)
        first: int = (await self.until("started"))["first"]
        return first

    async def watch(self, **wish: Any) -> int:
        """`enter` and `start`."""
        await self.enter()
        return await self.start(**wish)

    async def until(self, kind: str, timeout: float = 30) -> Json:
        """Read on up to the next message of this type."""
        async with asyncio.timeout(timeout):
            while True:
                message = await self.read()
                if message is not None and message["type"] == kind:
                    return message

    async def till(self, condition: Callable[[], bool], timeout: float = 30) -> None:
        """Read on until a condition holds."""
        async with asyncio.timeout(timeout):
            while not condition():
                await self.read()

    async def end(self, timeout: float = 30) -> Json:
        """Read on up to the end, and check that all adds up."""
        last = await self.until("end", timeout)
        assert await self.closed() == 1000
        self.add_up(last)
        return last

    async def closed(self, timeout: float = 30) -> int:
        """Read on until the connection is closed: the code."""
        async with asyncio.timeout(timeout):
            try:
                while True:
                    await self.read()
            except ConnectionClosed as closed:
                return 1006 if closed.rcvd is None else closed.rcvd.code

    async def read(self) -> Json | None:
        """The next frame; None where it is binary."""
        frame = await self.socket.recv()
        if isinstance(frame, bytes):
            self._binary(frame)
            return None
        message: Json = json.loads(frame)
        self.messages.append(message)
        self._take(message)
        return message

    def add_up(self, status: Json) -> None:
        """Check the sums of a last `status` or `end` against what came."""
        assert self.first is not None
        counted = status["sent"] + status["filtered"] + status["skipped"] + status["missing"]
        assert status["next"] - self.first == counted
        assert status["sent"] == len(self.numbers)
        assert status["skipped"] == self.told["slow-viewer"]
        lost = self.told["agent-drop"] + self.told["expired"] + self.told["unknown"]
        assert status["missing"] == lost
        assert self.holes <= lost + self.told["slow-viewer"]

    def of(self, kind: Literal["gap", "status", "packets", "error"]) -> list[Json]:
        """The messages of a type that came."""
        return [message for message in self.messages if message["type"] == kind]

    def _take(self, message: Json) -> None:
        match message["type"]:
            case "started":
                self.first = self.next = message["first"]
            case "gap":
                self.told[message["reason"]] += message["count"]
            case "packets":
                self._batch(message)

    def _batch(self, message: Json) -> None:
        assert message["session"] == self.session
        assert self.next is not None
        assert self.next <= message["first"] < message["next"], "a repeat, or disorder"
        self.holes += message["first"] - self.next
        self.next = message["next"]
        if "packets" not in message:
            self._announced = message
            return
        numbers = [row["number"] for row in message["packets"]]
        self._add(numbers, message)

    def _binary(self, frame: bytes) -> None:
        if self._announced is None:
            assert self.header is None, "a header twice"
            self.header = frame
            return
        announced, self._announced = self._announced, None
        assert self.header is not None
        head = EPB_HEADER_SIZE
        packets = [frame[at + head : at + head + size] for _, _, size, at, _ in frames_of(frame)]
        self._add([number_in(data) for data in packets], announced)

    def _add(self, numbers: list[int], message: Json) -> None:
        assert numbers == sorted(set(numbers))
        assert all(message["first"] <= number < message["next"] for number in numbers)
        self.numbers += numbers
