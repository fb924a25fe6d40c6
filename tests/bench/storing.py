"""Writes captures into the store without an agent, as fast as the store takes them.

`python -m tests.bench.storing MONGO_URL` takes orders, each about one `session`: `record` it as
running, `store` so many blocks more (answered once they are, unless `quietly`), `end` it, `pace`
for so many seconds so many blocks a second. `packets` and `size` are those of its blocks; the
first packet of each carries the time of its storing.
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import uvloop

from contracts.block import Block
from contracts.ledger import Ledger
from contracts.order import EndpointRef
from contracts.task import Capture, StopReason, TaskState
from services.packets.endpoints.mongodb import MongoStore
from services.runtime.mongo import Mongo
from tests.bench.synthetic import block_data

_BULK_BYTES = 4 << 20


@dataclass
class Story:
    """One capture as it grows."""

    capture: Capture
    blocks: int = 0
    packets: int = 0
    bytes: int = 0

    def next(self, packets: int, size: int) -> Block:
        """The next block, stamped with the time."""
        ts = time.time_ns()
        block = Block(
            self.capture.session, self.blocks, self.packets, packets, ts, ts, packets * size, 0,
            block_data(packets, size, ts),
        )  # fmt: skip
        self.blocks += 1
        self.packets += packets
        self.bytes += packets * size
        return block


class Storing:
    """Stories, and the store they are in."""

    def __init__(self, store: MongoStore) -> None:
        self._store = store
        self._stories: dict[str, Story] = {}

    async def record(self, session: str) -> None:
        """Record a capture that runs."""
        resource, service, _ = session.split(".")
        now = datetime.now(UTC)
        capture = Capture(
            task_id=uuid4(), session=session, resource=resource, service=service,
            state=TaskState.RUNNING, requested_by="bench", requested_at=now, started_at=now,
            endpoint=EndpointRef(name="main", type="mongodb"), idle_seconds=600, linktype=1,
        )  # fmt: skip
        await self._store.insert_session(capture, "")
        self._stories[session] = Story(capture)

    async def store(self, session: str, blocks: int, packets: int, size: int) -> None:
        """Store blocks, in bulks of a few MiB."""
        story = self._stories[session]
        bulk = max(1, _BULK_BYTES // (packets * (size + 40)))
        while blocks > 0:
            count = min(bulk, blocks)
            await self._store.insert_blocks([story.next(packets, size) for _ in range(count)])
            blocks -= count

    async def pace(
        self, session: str, seconds: float, rate: float, packets: int, size: int
    ) -> None:
        """Store blocks one by one, evenly."""
        clock = asyncio.get_running_loop().time
        began = clock()
        for number in range(int(seconds * rate)):
            await asyncio.sleep(max(0.0, began + number / rate - clock()))
            await self.store(session, 1, packets, size)

    async def end(self, session: str) -> None:
        """Close the record."""
        story = self._stories[session]
        ledger = Ledger(
            seen=story.packets, captured=story.packets, stored=story.packets,
            blocks=story.blocks, bytes=story.bytes,
        )  # fmt: skip
        now = datetime.now(UTC)
        changed = {
            "state": TaskState.STOPPED, "stop_reason": StopReason.REQUESTED, "stopped_at": now,
            "ledger": ledger,
        }  # fmt: skip
        await self._store.update_session(story.capture.model_copy(update=changed))

    async def do(self, order: dict[str, Any]) -> None:
        """Carry an order out."""
        name, quietly = order.pop("do"), order.pop("quietly", False)
        await getattr(self, name)(**order)
        if not quietly:
            print("{}", flush=True)


async def main() -> None:
    """Do what is ordered, in its order."""
    store = MongoStore(Mongo(sys.argv[1]))
    await store.prepare()
    storing = Storing(store)
    while line := await asyncio.to_thread(sys.stdin.readline):
        await storing.do(json.loads(line))
    await store.close()


if __name__ == "__main__":
    uvloop.run(main())
