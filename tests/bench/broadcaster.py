"""The peer of the streamer's fan-out: `websockets.broadcast` of bytes made beforehand.

`python -m tests.bench.broadcaster PORT` sends, at each order `{format, packets, size, blocks}`, so
many blocks to all who are connected. Its best settings: uvloop, no compression, no pings.
"""

import asyncio
import json
import sys
import time
from contextlib import suppress

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed

from services.packets.pcapng import frames_of
from services.packets.selection import Selection
from services.packets.summaries import json_packets
from tests.bench.synthetic import block_data

SESSION = "bench.peer.20260101000000"


class Broadcaster:
    """Viewers, and what they are sent."""

    def __init__(self) -> None:
        self.viewers: set[ServerConnection] = set()
        self._next = 0
        self._made: dict[tuple[int, int], tuple[bytes, str]] = {}

    async def serve(self, viewer: ServerConnection) -> None:
        """Let a viewer in."""
        with suppress(ConnectionClosed):
            async for said in viewer:
                kind = json.loads(said)["type"]
                if kind == "start":
                    await viewer.send(f'{{"type":"started","first":{self._next}}}')
                    self.viewers.add(viewer)
                else:
                    await viewer.send('{"type":"session"}')
        self.viewers.discard(viewer)

    async def send(self, format: str, packets: int, size: int, blocks: int) -> None:
        """Send blocks to all."""
        data, summaries = self._block(packets, size)
        for _ in range(blocks):
            first, self._next = self._next, self._next + packets
            head = f'{{"type":"packets","session":"{SESSION}","first":{first},"next":{self._next}'
            if format == "pcapng":
                broadcast(self.viewers, head + "}")
                broadcast(self.viewers, data)
            else:
                broadcast(self.viewers, f'{head},"packets":{summaries}}}')
            await asyncio.sleep(0)

    def _block(self, packets: int, size: int) -> tuple[bytes, str]:
        key = (packets, size)
        if key not in self._made:
            data = block_data(packets, size, time.time_ns())
            frames = frames_of(data)
            selection = Selection(data, list(range(packets)), frames, packets)
            self._made[key] = (data, json_packets(selection, 1).decode())
        data, summaries = self._made[key]
        return data, summaries


async def main() -> None:
    """Serve until the standard input ends."""
    peer = Broadcaster()
    async with serve(
        peer.serve, "127.0.0.1", int(sys.argv[1]), compression=None, ping_interval=None,
        max_queue=4, backlog=2048,
    ):  # fmt: skip
        print("{}", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            await peer.send(**json.loads(line))


if __name__ == "__main__":
    uvloop.run(main())
