"""A capture that a test plays: what agent and dispatcher would write of it."""

import asyncio
import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from redis.asyncio import Redis

from contracts.block import Block
from contracts.ledger import Ledger
from contracts.order import EndpointRef
from contracts.task import Capture, Failure, StopReason, TaskState
from contracts.topology import task_key
from services.packets.endpoints.port import PacketStore
from services.packets.pcapng import enhanced_packet

EPOCH = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
_FIRST_TS = 1_795_000_000_000_000_000
_HEADERS = bytes.fromhex("02000000000b02000000000a0800") + struct.pack(
    "!BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, 64, 17, 0, bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))
)
_PAYLOAD = struct.Struct("!QI")
_AT = len(_HEADERS) + 8
_BULK = 20


def packet(number: int, size: int = 100, port: int = 9) -> bytes:
    """An Ethernet frame from 10.0.0.1 to a UDP port of 10.0.0.2 that says its number."""
    check = zlib.crc32(number.to_bytes(8, "big"))
    payload = _PAYLOAD.pack(number, check).ljust(size - _AT, b".")
    return _HEADERS + struct.pack("!HHHH", 4000, port, 8 + len(payload), 0) + payload


def number_in(data: bytes) -> int:
    """The number that a packet says."""
    number, check = _PAYLOAD.unpack_from(data, _AT)
    assert zlib.crc32(number.to_bytes(8, "big")) == check, "a packet arrived damaged"
    return int(number)


class Play:
    """One capture in a store, as far as it has been played."""

    def __init__(self, store: PacketStore, tasks: Redis, name: str, second: int = 0) -> None:
        self.store = store
        self.blocks = store
        self.tasks = tasks
        at = EPOCH + timedelta(seconds=second)
        self.capture = Capture(
            task_id=uuid4(),
            session=f"web-1.http.{at:%Y%m%d%H%M%S}",
            resource="web-1",
            service="http",
            state=TaskState.REQUESTED,
            requested_by="somebody",
            requested_at=at,
            endpoint=EndpointRef(name=name, type=store.type),
            idle_seconds=60,
        )
        self.next = 0
        self.block = 0
        self.damaged = 0
        self.kernel_drops = 0
        self.stored = 0
        self.bytes = 0

    @property
    def session(self) -> str:
        """Its session."""
        return self.capture.session

    @property
    def ledger(self) -> Ledger:
        """The ledger, which closes."""
        return Ledger(
            seen=self.next + self.kernel_drops,
            captured=self.next,
            dropped_kernel=self.kernel_drops,
            dropped_agent=self.next - self.stored,
            stored=self.stored,
            blocks=self.block - self.damaged,
            bytes=self.bytes,
        )

    async def request(self) -> None:
        """The dispatcher has accepted the start."""
        await self.store.insert_session(self.capture, "digest")

    async def run(self) -> None:
        """The agent has begun."""
        started = {"linktype": 1, "interface": "lo", "started_at": EPOCH}
        await self.become(TaskState.RUNNING, **started)

    async def become(self, state: TaskState, **changes: object) -> None:
        """The record is another."""
        changed = {"state": state, "ledger": self.ledger, **changes}
        self.capture = self.capture.model_copy(update=changed)
        await self.store.update_session(self.capture, unless_ended=False)
        await self.report()

    async def report(self, *, blocks: int | None = None) -> None:
        """The task's hash is new; it may count other `blocks` than there are."""
        ledger = self.ledger
        if blocks is not None:
            ledger = ledger.model_copy(update={"blocks": blocks})
        key = task_key(self.capture.task_id)
        fields: Any = {
            "capture": self.capture.model_dump_json(),
            "state": self.capture.state.value,
            "ledger": ledger.model_dump_json(),
        }
        await self.tasks.hset(key, mapping=fields)
        await self.tasks.expire(key, 600)

    def make(self, count: int, size: int = 100, ports: tuple[int, ...] = (9,)) -> Block:
        """The next block of `count` packets, not stored yet."""
        numbers = range(self.next, self.next + count)
        frames = [packet(n, size, ports[n % len(ports)]) for n in numbers]
        data = b"".join(
            enhanced_packet(_FIRST_TS + n, frame, len(frame))
            for n, frame in zip(numbers, frames, strict=True)
        )
        block = Block(
            self.session,
            self.block,
            self.next,
            count,
            _FIRST_TS + self.next,
            _FIRST_TS + self.next + count - 1,
            sum(map(len, frames)),
            self.kernel_drops,
            data,
        )
        self.next += count
        self.block += 1
        self.stored += count
        self.bytes += block.size
        return block

    async def packets(
        self,
        count: int,
        *,
        blocks: int = 1,
        size: int = 100,
        ports: tuple[int, ...] = (9,),
    ) -> None:
        """`blocks` blocks of `count` packets each come into the store."""
        for begun in range(0, blocks, _BULK):
            bulk = [self.make(count, size, ports) for _ in range(min(_BULK, blocks - begun))]
            await self.blocks.insert_blocks(bulk)

    @asynccontextmanager
    async def flowing(
        self, count: int, size: int = 100, pause: float = 0.01
    ) -> AsyncIterator[None]:
        """Meanwhile a block of `count` packets comes each `pause` seconds."""
        enough = asyncio.Event()
        flow = asyncio.create_task(self._flow(enough, count, size, pause))
        try:
            yield
        finally:
            enough.set()
            await flow

    async def _flow(self, enough: asyncio.Event, count: int, size: int, pause: float) -> None:
        while not enough.is_set():
            await self.packets(count, size=size)
            await asyncio.sleep(pause)

    def lose(self, count: int) -> None:
        """The agent could not keep the next `count` packets."""
        self.next += count

    def damage(self, count: int) -> None:
        """The agent could not read back a block of `count` packets."""
        block = self.make(count)
        self.damaged += 1
        self.stored -= count
        self.bytes -= block.size

    def drop(self, count: int) -> None:
        """The kernel dropped `count` packets."""
        self.kernel_drops += count

    async def end(
        self,
        reason: StopReason = StopReason.REQUESTED,
        state: TaskState = TaskState.STOPPED,
        error: Failure | None = None,
    ) -> None:
        """The capture has ended, and its record is closed."""
        at = EPOCH + timedelta(minutes=1)
        await self.become(state, stop_reason=reason, error=error, stopped_at=at)

    def again(self) -> "Play":
        """Another capture to which the name of this one is given."""
        other = Play(self.store, self.tasks, self.capture.endpoint.name)
        other.capture = other.capture.model_copy(update={"session": self.session})
        return other

    async def remove(self) -> None:
        """Retention removes it, blocks first."""
        await self.blocks.delete_blocks(self.session)
        await self.store.delete_session(self.session)
