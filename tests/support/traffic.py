"""Packets whose payload tells which run they are of, their number, and whether they are whole."""

import asyncio
import os
import socket
import struct
import zlib
from collections.abc import Iterable
from types import TracebackType
from typing import Self

_HEAD = struct.Struct("!8sII")
_UDP_PAYLOAD_ON_ETHERNET = 14 + 20 + 8


class Traffic:
    """Numbered UDP packets on loopback, to a port that nobody reads but that is open."""

    def __init__(self, size: int = 100) -> None:
        self.run = os.urandom(4).hex().encode()
        self.size = size
        self.sent = 0
        self._to = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._to.bind(("127.0.0.1", 0))
        self._from = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._from.connect(self._to.getsockname())
        self._task: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port that the packets go to."""
        return int(self._to.getsockname()[1])

    @property
    def filter(self) -> str:
        """The capture filter for these packets."""
        return f"udp dst port {self.port}"

    def send(self, count: int) -> None:
        """Send the next `count` packets."""
        for _ in range(count):
            self._from.send(self._payload(self.sent))
            self.sent += 1

    async def flow(self, rate: float, burst: int = 10) -> None:
        """Send `rate` packets a second until cancelled."""
        while True:
            self.send(burst)
            await asyncio.sleep(burst / rate)

    def start(self, rate: float, burst: int = 10) -> None:
        """Send in the background until `stop`."""
        self._task = asyncio.create_task(self.flow(rate, burst))

    async def stop(self) -> None:
        """End what `start` began."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def numbers(self, frames: Iterable[bytes]) -> list[int]:
        """The numbers in captured Ethernet frames, each checked to be whole and of this run."""
        return [self._number(frame[_UDP_PAYLOAD_ON_ETHERNET:]) for frame in frames]

    def close(self) -> None:
        """Close the sockets."""
        self._to.close()
        self._from.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        await self.stop()
        self.close()

    def _payload(self, number: int) -> bytes:
        body = _HEAD.pack(self.run, number, self.size).ljust(self.size - 4, b".")
        return body + struct.pack("!I", zlib.crc32(body))

    def _number(self, payload: bytes) -> int:
        body, crc = payload[:-4], struct.unpack("!I", payload[-4:])[0]
        assert zlib.crc32(body) == crc, "a packet arrived damaged"
        run, number, size = _HEAD.unpack_from(body)
        assert (run, size) == (self.run, len(payload)), "a packet of another run arrived"
        return int(number)
