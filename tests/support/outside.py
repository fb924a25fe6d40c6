"""Clients that know Capflow from its documents only: REST by HTTP, packets by WebSocket."""

import asyncio
import base64
import json
import struct
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.support.plain_http import plain_client
from tests.support.stack import ADMIN_KEY, RESOURCE, Stack
from tests.support.wait import until

ENHANCED_PACKET_BLOCK = 6


class Rest:
    """The REST API with one key."""

    def __init__(self, stack: Stack, key: str = ADMIN_KEY) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        self.http = plain_client(base_url=stack.rest, headers=headers, timeout=70)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def start(self, service: str = "lo", **fields: Any) -> dict[str, Any]:
        """Start a capture; the 202's body."""
        body = {"resource": RESOURCE, "service": service, **fields}
        answer = await self.http.post("/v1/captures", json=body)
        assert answer.status_code == 202, answer.text
        started: dict[str, Any] = answer.json()
        return started

    async def start_running(self, service: str = "lo", **fields: Any) -> dict[str, Any]:
        """Start a capture and wait until it runs; the 202's body."""
        started = await self.start(service, **fields)
        task = await self.task(started["task_id"], wait=30)
        assert task["state"] == "running", task
        return started

    async def task(self, task_id: str, wait: int = 0) -> dict[str, Any]:
        """A task."""
        answer = await self.http.get(f"/v1/tasks/{task_id}", params={"wait": wait})
        assert answer.status_code == 200, answer.text
        task: dict[str, Any] = answer.json()
        return task

    async def stop(self, session: str) -> None:
        """Stop a capture."""
        answer = await self.http.post(f"/v1/captures/{session}/stop")
        assert answer.status_code == 202, answer.text

    async def ended(self, task_id: str, timeout: float = 30) -> dict[str, Any]:
        """The task once it has ended."""

        async def over() -> bool:
            return (await self.task(task_id))["state"] in ("stopped", "failed")

        await until(over, timeout, every=0.1)
        return await self.task(task_id)

    async def capture(self, session: str) -> dict[str, Any]:
        """A capture's record."""
        answer = await self.http.get(f"/v1/captures/{session}")
        assert answer.status_code == 200, answer.text
        capture: dict[str, Any] = answer.json()
        return capture

    async def ticket(self, session: str) -> dict[str, Any]:
        """A fresh ticket."""
        answer = await self.http.post(f"/v1/captures/{session}/ticket")
        assert answer.status_code < 300, answer.text
        ticket: dict[str, Any] = answer.json()
        return ticket


class Viewer:
    """A WebSocket viewer that keeps every message it is sent."""

    def __init__(self, session: str, stream: dict[str, Any], url: str | None = None) -> None:
        self.session = session
        self.url = url or stream["url"]
        self.ticket = stream["ticket"]
        self.messages: list[dict[str, Any]] = []
        self.frames: list[bytes] = []
        """The packets, in the order they came."""
        self.numbers: list[int] = []
        """Their numbers: of JSON packets, and of pcapng ones where no filter holds any back."""
        self.binary = b""
        """All binary frames together: a pcapng file."""
        self._connection: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self.reading = asyncio.Event()
        self.reading.set()

    async def __aenter__(self) -> Self:
        self._connection = await connect(
            self.url, compression=None, max_size=None, max_queue=4, proxy=None
        )
        self._reader = asyncio.create_task(self._read())
        await self.say(type="session", session=self.session, ticket=self.ticket)
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        assert self._connection is not None
        assert self._reader is not None
        self.reading.set()
        await self._connection.close()
        await asyncio.gather(self._reader, return_exceptions=True)

    async def begin(self, from_: str | int = "live", **fields: Any) -> dict[str, Any]:
        """Say `start`, and wait for `started`."""
        before = len(self.of("started"))
        await self.say(type="start", **{"from": from_, **fields})
        return await self.sees("started", lambda _: len(self.of("started")) > before)

    async def say(self, **message: Any) -> None:
        """Send one message."""
        assert self._connection is not None
        await self._connection.send(json.dumps(message))

    async def sees(
        self, kind: str, where: Callable[[dict[str, Any]], bool] = bool, timeout: float = 20
    ) -> dict[str, Any]:
        """The newest message of this kind for which `where` holds, once there is one."""

        def newest() -> dict[str, Any] | None:
            return next((m for m in reversed(self.of(kind)) if where(m)), None)

        try:
            found = await until(newest, timeout)
        except AssertionError:
            others = [m for m in self.messages if m["type"] != "packets"][-5:]
            raise AssertionError(f"no such {kind!r} within {timeout} s; last: {others}") from None
        assert found is not None
        return found

    async def has(self, count: int, timeout: float = 20) -> None:
        """Wait until at least `count` packets have come."""
        await until(lambda: len(self.frames) >= count or len(self.numbers) >= count, timeout)

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The messages of one kind so far."""
        return [message for message in self.messages if message["type"] == kind]

    @property
    def close_code(self) -> int | None:
        """The code that the server closed with."""
        assert self._connection is not None
        return self._connection.close_code

    async def closed(self) -> int | None:
        """Wait for the server to close; its code."""
        assert self._reader is not None
        await asyncio.wait_for(asyncio.shield(self._reader), 20)
        return self.close_code

    async def _read(self) -> None:
        assert self._connection is not None
        with suppress(ConnectionClosed):
            while True:
                await self.reading.wait()
                self._take(await self._connection.recv())

    def _take(self, frame: str | bytes) -> None:
        if isinstance(frame, bytes):
            self.binary += frame
            self.frames += packets_of_pcapng(frame)
            return
        message = json.loads(frame)
        self.messages.append(message)
        if message["type"] != "packets":
            return
        if "packets" in message and message["packets"] is not None:
            self.numbers += [packet["number"] for packet in message["packets"]]
            data = [p["data"] for p in message["packets"] if p.get("data")]
            self.frames += [base64.b64decode(item) for item in data]
        else:
            self.numbers += range(message["first"], message["next"])


def packets_of_pcapng(data: bytes) -> list[bytes]:
    """The packets in a run of little-endian pcapng blocks, by the draft's own field offsets."""
    packets, at = [], 0
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        assert size >= 12
        assert struct.unpack_from("<I", data, at + size - 4)[0] == size
        if kind == ENHANCED_PACKET_BLOCK:
            captured = struct.unpack_from("<I", data, at + 20)[0]
            packets.append(data[at + 28 : at + 28 + captured])
        at += size
    return packets
