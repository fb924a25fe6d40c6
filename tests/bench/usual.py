"""The usual pipeline: tshark decodes to JSON, a document a packet goes into MongoDB, and a change
stream and WebSockets carry them on in batches.

With its best settings: tshark only extracts the fields that a list of packets shows, unordered
`insert_many` of what has come, PyMongo's own asyncio (no thread hop an event, as motor has),
orjson, uvloop, no compression.

`python -m tests.bench.usual agent URL INTERFACE` and `... streamer URL PORT` as in `bare`.
"""

import asyncio
import json
import os
import signal
import sys
import time
from typing import Any

import orjson
import uvloop
from pymongo import AsyncMongoClient
from pymongo.write_concern import WriteConcern
from websockets.asyncio.server import ServerConnection, broadcast, serve

from tests.bench.wire import FILTER

BATCH = 1000
"""Packets of one insert, and of one message, at most."""
WAIT_MS = 20
END = "end"
SETTINGS = (
    "tshark -n -l -T ek with 6 fields, unordered insert_many of up to 1,000 documents, "
    "PyMongo's asyncio change stream, WebSocket batches of 1,000 packets or 20 ms"
)
_FIELDS = ("frame.time_epoch", "ip.src", "ip.dst", "udp.srcport", "udp.dstport", "frame.len")
_EK = ["-T", "ek", *(word for name in _FIELDS for word in ("-e", name))]


def collection_of(url: str) -> Any:
    """Where the packets are."""
    client: AsyncMongoClient[Any] = AsyncMongoClient(url)
    concern = WriteConcern(w="majority", j=True)
    return client.get_default_database().get_collection("usual", write_concern=concern)


async def agent(url: str, interface: str) -> None:
    """tshark to store."""
    collection = collection_of(url)
    tshark = await _tshark(interface)
    assert tshark.stdout is not None
    asyncio.get_running_loop().run_in_executor(None, _interrupt_at_end, tshark.pid)
    print("ready", flush=True)
    rest = b""
    while more := await tshark.stdout.read(1 << 20):
        *lines, rest = (rest + more).split(b"\n")
        documents = [orjson.loads(line)["layers"] for line in lines if b'"layers"' in line]
        for start in range(0, len(documents), BATCH):
            await collection.insert_many(documents[start : start + BATCH], ordered=False)
    await collection.insert_one({"_id": END})
    print(json.dumps({"dropped": 0}), flush=True)


async def streamer(url: str, port: str) -> None:
    """Change stream to whoever is connected, in batches."""
    viewers: set[ServerConnection] = set()

    async def join(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send(json.dumps({"type": "started"}))
        viewers.add(connection)
        await connection.wait_closed()

    inserts = [{"$match": {"operationType": "insert"}}]
    watching = await collection_of(url).watch(inserts, batch_size=BATCH, max_await_time_ms=WAIT_MS)
    async with serve(join, "127.0.0.1", int(port), compression=None, ping_interval=None), watching:
        await watching.try_next()
        print("ready", flush=True)
        await _pass_on(watching, viewers)
        await asyncio.gather(*(viewer.close() for viewer in viewers))


async def _pass_on(watching: Any, viewers: set[ServerConnection]) -> None:
    """Send a batch when it is full, when it is old, or when nothing more comes."""
    batch: list[dict[str, Any]] = []
    sent, began = 0, 0.0
    while True:
        event = await watching.try_next()
        ended = event is not None and event["fullDocument"]["_id"] == END
        if event is not None and not ended:
            began = began if batch else time.monotonic()
            batch.append(_shown(event["fullDocument"]))
        old = time.monotonic() - began > WAIT_MS / 1000
        if batch and (event is None or ended or len(batch) >= BATCH or old):
            head = {"type": "packets", "first": sent, "next": sent + len(batch)}
            broadcast(viewers, orjson.dumps({**head, "packets": batch}).decode())
            sent += len(batch)
            batch.clear()
        if ended:
            return


def _shown(document: dict[str, Any]) -> dict[str, Any]:
    return {
        "time": document["frame_time_epoch"][0],
        "source": f"{document['ip_src'][0]}:{document['udp_srcport'][0]}",
        "destination": f"{document['ip_dst'][0]}:{document['udp_dstport'][0]}",
        "length": document["frame_len"][0],
    }


async def _tshark(interface: str) -> asyncio.subprocess.Process:
    """tshark, capturing already."""
    tshark = await asyncio.create_subprocess_exec(
        *("tshark", "-n", "-l", "-i", interface, "-f", FILTER, "-B", "64", *_EK),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=16 << 20,
    )
    assert tshark.stderr is not None
    said = b""
    while b"Capture started" not in said:
        said = await tshark.stderr.readline()
        assert said, "tshark ended"
    return tshark


def _interrupt_at_end(pid: int) -> None:
    sys.stdin.buffer.read()
    os.kill(pid, signal.SIGINT)


def main(part: str, url: str, where: str) -> None:
    """Run one of the two."""
    uvloop.run(agent(url, where) if part == "agent" else streamer(url, where))


if __name__ == "__main__":
    main(*sys.argv[1:])
