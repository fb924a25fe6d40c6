"""The feed of a MongoDB endpoint: one change stream over blocks and records together.

One stream for both collections, because only within a stream is there an order between a
capture's last block and the record of its end.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

from bson.raw_bson import RawBSONDocument

from contracts.topology import BLOCKS, SESSIONS
from services.packets.endpoints.documents import (
    MAX_DOCUMENT_BYTES,
    Document,
    block_of,
    capture_of,
)
from services.packets.endpoints.plausible import jumps
from services.packets.endpoints.port import (
    BlockStored,
    Change,
    HistoryLost,
    SessionChanged,
    SessionRemoved,
)
from services.packets.endpoints.setaside import SetAside
from services.runtime.change_stream import ChangesLost, ChangeStream
from services.runtime.errors import Undecodable
from services.runtime.mongo import decode

_IDLE_SECONDS = 1.0


class MongoFeed:
    """A `Feed`; read by one task."""

    def __init__(self, stream: ChangeStream, aside: SetAside) -> None:
        self._stream = stream
        self._aside = aside
        self._wanted: frozenset[str] = frozenset()
        self._watching: frozenset[str] = frozenset()
        self._expected: dict[str, int] = {}
        """By session, the packet that the next block should begin with."""
        self._lost = False
        self._closed = False
        self._changed = asyncio.Event()
        self._reading = asyncio.Lock()

    def watch(self, sessions: Collection[str]) -> None:
        """Carry changes of these sessions and of no others."""
        self._wanted = frozenset(sessions)
        self._changed.set()
        if self._wanted - self._watching:
            self._stream.interrupt()

    @property
    def watching(self) -> frozenset[str]:
        """The sessions whose changes are carried now."""
        return self._watching

    async def changes(self) -> Sequence[Change]:
        """The next changes, in order."""
        async with self._reading:
            if self._closed:
                return []
            self._changed.clear()
            wanted = self._wanted
            if wanted != self._watching:
                await self._stream.follow(_stages(wanted))
            if not wanted:
                return await self._rest()
            return await self._read(wanted)

    async def close(self) -> None:
        """End the feed, once a `changes` under way has returned."""
        self._closed = True
        self._changed.set()
        async with self._reading:
            await self._stream.close()

    async def _rest(self) -> Sequence[Change]:
        """Nobody watches: no stream, and no place in it that could be lost."""
        self._start_over()
        if self._watching:
            self._watching = frozenset()
            await self._stream.close()
            return []
        with suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), _IDLE_SECONDS)
        return []

    async def _read(self, wanted: frozenset[str]) -> Sequence[Change]:
        try:
            events = await self._stream.read()
        except ChangesLost:
            self._start_over()
            self._lost = True  # told once the new stream is open, so that nothing falls between
            return []
        self._watching = wanted
        for gone in self._expected.keys() - wanted:
            del self._expected[gone]
        lost, self._lost = self._lost, False
        changes = [change for event in events if (change := self._change(event)) is not None]
        return [HistoryLost(), *changes] if lost else changes

    def _start_over(self) -> None:
        self._lost = False
        self._expected.clear()

    def _change(self, event: RawBSONDocument) -> Change | None:
        try:
            return self._told(decode(event))
        except Undecodable as error:
            self._aside.add(_name(event), str(error))
            return None

    def _told(self, event: Mapping[str, Any]) -> Change:
        if event["operationType"] == "delete":
            return SessionRemoved(event["documentKey"]["_id"])
        if event["ns"]["coll"] == SESSIONS:
            return SessionChanged(capture_of(event["fullDocument"]))
        return self._block(event["fullDocument"])

    def _block(self, document: Document | None) -> BlockStored:
        if document is None:
            raise Undecodable(f"it takes more than {MAX_DOCUMENT_BYTES} bytes")
        block = block_of(document)
        expected = self._expected.get(block.session, 0 if block.block == 0 else block.first)
        if jumps(block, expected):
            raise Undecodable(f"it begins at packet {block.first}, where {expected} should follow")
        self._expected[block.session] = block.next
        return BlockStored(block)


def _stages(sessions: Collection[str]) -> list[Document]:
    """What the server passes on: no more than the sessions' own blocks and records.

    Records are replaced, never updated, so every event holds its document. A huge one is left
    behind, or it could exceed what an event may be and end the stream.
    """
    names = {"$in": sorted(sessions)}
    blocks = {"ns.coll": BLOCKS, "operationType": "insert", "fullDocument.session": names}
    kinds = {"$in": ["insert", "replace", "delete"]}
    records = {"ns.coll": SESSIONS, "operationType": kinds, "documentKey._id": names}
    unless_huge = {
        "$cond": [
            {"$lte": [{"$bsonSize": "$fullDocument"}, MAX_DOCUMENT_BYTES]}, "$fullDocument", None
        ]
    }  # fmt: skip
    kept = {"operationType": 1, "ns.coll": 1, "documentKey._id": 1, "fullDocument": unless_huge}
    return [{"$match": {"$or": [blocks, records]}}, {"$project": kept}]


def _name(event: RawBSONDocument) -> object:
    return event["documentKey"]["_id"]
