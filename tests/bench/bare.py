"""The bare pipeline: what is left of Capflow without anything that makes it a system.

The same steps — ring, blocks, motor with majority writes, change stream, WebSockets — in two
processes, written as straight as can be: no orders, no ledger, no limits, nothing checked, no
resume, and a viewer's socket is written to as blocks come. It is the limit that the whole system is
held against. One block of the ring becomes one document.

`python -m tests.bench.bare agent URL INTERFACE` and `... streamer URL PORT` each say `ready`; the
agent stores until its standard input ends, then says how many packets the kernel dropped, and
marks the end in the store, at which the streamer closes its viewers' connections.
"""

import asyncio
import json
import struct
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import uvloop
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.write_concern import WriteConcern
from websockets.asyncio.server import ServerConnection, broadcast, serve

from services.agent.ring import Ring
from services.agent.source import Frame, Screen
from tests.bench.readers import BUFFER, screen

BULK = 8
END = "end"
_WAIT = 0.02
_ROOM = 1 << 20

Document = dict[str, Any]

_PACKERS = [struct.Struct(f"<IIIIIII{size}s{-size % 4}xI").pack_into for size in range(2049)]


def framed(frames: list[Frame], buffer: bytearray) -> bytes:
    """Enhanced Packet Blocks of the frames."""
    position = 0
    for at, length, data in frames:
        size = len(data)
        total = (size + 35) & ~3
        _PACKERS[size](
            buffer, position, 6, total, 0, at >> 32, at & 0xFFFFFFFF, size, length, data, total
        )  # fmt: skip
        position += total
    return bytes(memoryview(buffer)[:position])


def capture(ring: Ring, put: Callable[[Document], object], done: threading.Event) -> None:
    """Read the ring until told to stop and the ring is empty."""
    buffer = bytearray(_ROOM)
    number = first = 0
    while True:
        ending = done.is_set()
        frames = ring.read(_WAIT)
        if frames:
            count = len(frames)
            put({"_id": number, "first": first, "count": count, "data": framed(frames, buffer)})
            number, first = number + 1, first + count
        elif ending:
            put({"_id": END})
            return


def collection_of(url: str) -> Any:
    """Where the blocks are."""
    client: Any = AsyncIOMotorClient(url)
    concern = WriteConcern(w="majority", j=True)
    return client.get_default_database().get_collection("bare", write_concern=concern)


async def agent(url: str, interface: str, screen: Screen) -> None:
    """Ring to store: a thread that captures, and one ordered bulk at a time."""
    collection = collection_of(url)
    ring = Ring(interface, BUFFER)
    ring.open(screen)
    waiting: deque[Document] = deque()
    more, done = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def put(document: Document) -> None:
        waiting.append(document)
        loop.call_soon_threadsafe(more.set)

    threading.Thread(target=_wait_for_end, args=(done,), daemon=True).start()
    threading.Thread(target=capture, args=(ring, put, done)).start()
    print("ready", flush=True)
    last: object = None
    while last != END:
        await more.wait()
        more.clear()
        while waiting:
            bulk = [waiting.popleft() for _ in range(min(BULK, len(waiting)))]
            await collection.insert_many(bulk, ordered=True)
            last = bulk[-1]["_id"]
    print(json.dumps({"dropped": ring.statistics().dropped}), flush=True)


async def streamer(url: str, port: str) -> None:
    """Change stream to whoever is connected, up to the mark of the end."""
    viewers: set[ServerConnection] = set()

    async def join(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send(json.dumps({"type": "started"}))
        viewers.add(connection)
        await connection.wait_closed()

    raw = CodecOptions(document_class=RawBSONDocument)
    collection = collection_of(url).with_options(codec_options=raw)
    async with (
        serve(join, "127.0.0.1", int(port), compression=None, ping_interval=None),
        collection.watch([{"$match": {"operationType": "insert"}}]) as stream,
    ):
        await stream.try_next()
        print("ready", flush=True)
        async for event in stream:
            document = event["fullDocument"]
            if document["_id"] == END:
                break
            first = document["first"]
            head = {"type": "packets", "first": first, "next": first + document["count"]}
            broadcast(viewers, json.dumps(head))
            broadcast(viewers, document["data"])
        await asyncio.gather(*(viewer.close() for viewer in viewers))


def _wait_for_end(done: threading.Event) -> None:
    sys.stdin.buffer.read()
    done.set()


def main(part: str, url: str, where: str) -> None:
    """Run one of the two."""
    uvloop.run(agent(url, where, screen()) if part == "agent" else streamer(url, where))


if __name__ == "__main__":
    main(*sys.argv[1:])
