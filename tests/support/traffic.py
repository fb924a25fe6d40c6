"""Packets whose payload tells which run they are of, their number, and whether they are whole."""

import asyncio
import os
import socket
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from tests.support.numbered import number_of, payload

UDP_PAYLOAD_ON_ETHERNET = 14 + 20 + 8


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
            self._from.send(payload(self.run, self.sent, self.size))
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
        return [number_of(frame[UDP_PAYLOAD_ON_ETHERNET:], self.run) for frame in frames]

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
