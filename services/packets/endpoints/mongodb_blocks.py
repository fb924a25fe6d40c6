"""Blocks of packets in MongoDB."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from bson.raw_bson import RawBSONDocument
from pymongo.errors import BulkWriteError

from contracts.block import Block, block_id
from contracts.topology import BLOCKS
from services.packets.endpoints.documents import (
    BLOCK_RULES,
    MAX_DOCUMENT_BYTES,
    Document,
    block_document,
    block_of,
)
from services.packets.endpoints.plausible import (
    MAX_COUNT,
    MAX_JUMP,
    MAX_PACKETS,
    fault_of,
    jumps,
)
from services.packets.endpoints.port import BlockRefused, Stored
from services.packets.endpoints.setaside import SetAside
from services.runtime.errors import Undecodable
from services.runtime.mongo import (
    Mongo,
    decode,
    is_duplicate,
    may_pass_later,
    refused_write,
)

_INDEX = [("session", 1), ("first", 1), ("count", 1), ("bytes", 1)]
"""Finds a packet's block, and sums a session up without reading its packets."""

_DELETED_AT_ONCE = 64
"""Blocks: tens of MiB, which the server removes within its time limit."""

_UNLESS_HUGE: Document = {
    "$replaceWith": {
        "$cond": [
            {"$lte": [{"$bsonSize": "$$ROOT"}, MAX_DOCUMENT_BYTES]}, "$$ROOT", {"_id": "$_id"}
        ]
    }
}  # fmt: skip
_NAME_ONLY: Document = {"$project": {"_id": 1}}
_BY_NAME: Document = {"_id": 1}
_DOUBTS = 100
"""Last blocks that are looked at before one that jumps is believed."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _counted(session: str, below: int) -> Document:
    """The stage that leaves a session's blocks whose numbers can be, and begin below a packet."""
    counts: Document = {"$gte": 1, "$lte": MAX_COUNT}
    first: Document = {"$gte": 0, "$lt": below}
    return {"$match": {"session": session, "first": first, "count": counts, "bytes": {"$gte": 0}}}


class MongoBlocks:
    """The collection `blocks`."""

    def __init__(self, mongo: Mongo, aside: SetAside, now: Callable[[], datetime] = _utc_now):
        self._mongo = mongo
        self._aside = aside
        self._now = now
        self._blocks = mongo.raw_collection(BLOCKS)

    async def prepare(self) -> None:
        """Make the collection with its rules, and its index."""
        listing = await self._mongo.command({"listCollections": 1, "filter": {"name": BLOCKS}})
        found = listing["cursor"]["firstBatch"]
        if not found or found[0]["options"].get("validator") != BLOCK_RULES:
            verb = "collMod" if found else "create"
            await self._mongo.command({verb: BLOCKS, "validator": BLOCK_RULES})
        async with self._mongo.errors():
            await self._blocks.create_index(_INDEX)

    async def insert(self, blocks: Sequence[Block]) -> None:
        """Store blocks in their order; one that is there already is success."""
        for block in blocks:
            if fault := fault_of(block):
                raise BlockRefused(block, fault)
        rest = list(blocks)
        while rest:
            rest = rest[await self._insert_some(rest) :]

    async def read(self, session: str, start: int, limit: int, below: int | None) -> list[Block]:
        """Up to `limit` blocks from number `start`; empty only where there are no more."""
        first = block_id(session, start)
        last = block_id(session, below) if below is not None else f"{session}$"  # "$" follows "#"
        names: dict[str, str] = {"$gte": first, "$lt": last}
        while True:
            found = await self._find({"_id": names}, limit)
            blocks = self._good(found)
            if blocks or len(found) < limit:
                return blocks
            names = {"$gt": found[-1]["_id"], "$lt": last}

    async def with_packet(self, session: str, number: int) -> Block | None:
        """The block that holds packet `number`, or else the first one after it."""
        before = {"session": session, "first": {"$lte": number}}
        for block in self._good(await self._find(before, 1, order={"first": -1})):
            if number < block.next:
                return block
        after = {"session": session, "first": {"$gt": number}}
        return next(iter(self._good(await self._find(after, 1, order={"first": 1}))), None)

    async def stored(self, session: str) -> Stored:
        """What is stored of a session, from the index alone.

        A last block that jumps too far counts only when another follows on it.
        """
        found = await self._sum(session, MAX_PACKETS)
        if found.next - found.packets < MAX_JUMP:
            return found
        return await self._sum(session, await self._before_jumps(session))

    async def _sum(self, session: str, below: int) -> Stored:
        """What is stored of a session, of blocks that begin below a packet."""
        total = {
            "_id": None,
            "packets": {"$sum": "$count"},
            "blocks": {"$sum": 1},
            "bytes": {"$sum": "$bytes"},
            "next": {"$max": {"$add": ["$first", "$count"]}},
        }
        for found in await self._aggregate([_counted(session, below), {"$group": total}]):
            return Stored(found["packets"], found["blocks"], found["bytes"], found["next"])
        return Stored()

    async def _before_jumps(self, session: str) -> int:
        """The packet before which the last block begins that is believed."""
        below = MAX_PACKETS
        fields = {"_id": 0, "first": 1, "count": 1}
        newest: list[Document] = [{"$sort": {"first": -1}}, {"$limit": 2}, {"$project": fields}]
        for _ in range(_DOUBTS):
            found = await self._aggregate([_counted(session, below), *newest])
            ends = [0, *(each["first"] + each["count"] for each in found[1:])]
            if not found or found[0]["first"] - ends[-1] < MAX_JUMP:
                break
            below = found[0]["first"]
        return below

    async def sessions(self, after: str, limit: int) -> list[str]:
        """Names of sessions of which blocks are stored, up to `limit` after a name."""
        names: list[str] = []
        while len(names) < limit:
            later = {"_id": {"$gte": f"{after}$"}}  # "$" follows "#"
            found = await self._find(later, 1, _NAME_ONLY)
            if not found:
                break
            after = found[0]["_id"].partition("#")[0]
            names.append(after)
        return names

    async def delete(self, session: str) -> None:
        """Remove a session's blocks, some at a time."""
        names: dict[str, str] = {"$gte": block_id(session, 0), "$lt": f"{session}$"}
        while found := await self._find({"_id": names}, _DELETED_AT_ONCE, _NAME_ONLY):
            async with self._mongo.errors():
                await self._blocks.delete_many({"_id": {**names, "$lte": found[-1]["_id"]}})

    async def _insert_some(self, blocks: list[Block]) -> int:
        """Insert up to the first block that is there already; how many are stored now."""
        at = self._now()
        documents = [block_document(block, at) for block in blocks]
        async with self._mongo.errors():
            try:
                await self._blocks.insert_many(documents, ordered=True)
            except BulkWriteError as error:
                return self._stored_before(error, blocks)
        return len(blocks)

    def _stored_before(self, error: BulkWriteError, blocks: list[Block]) -> int:
        if not error.details["writeErrors"] or error.details["writeConcernErrors"]:
            raise self._mongo.away(error) from error
        refused = refused_write(error)
        index: int = refused["index"]
        if is_duplicate(refused):
            return index + 1
        if may_pass_later(refused):
            raise self._mongo.away(error) from error
        raise BlockRefused(blocks[index], refused["errmsg"]) from error

    async def _find(
        self,
        query: Document,
        limit: int,
        last_stage: Document = _UNLESS_HUGE,
        order: Document = _BY_NAME,
    ) -> list[RawBSONDocument]:
        return await self._aggregate(
            [
                {"$match": query},
                {"$sort": order},
                {"$limit": limit},
                last_stage,
            ]
        )

    async def _aggregate(self, pipeline: list[Document]) -> list[RawBSONDocument]:
        async with self._mongo.errors():
            found: list[RawBSONDocument] = await self._blocks.aggregate(pipeline).to_list(None)
            return found

    def _good(self, found: Iterable[RawBSONDocument]) -> list[Block]:
        """The blocks among the documents found; the others are set aside."""
        blocks: list[Block] = []
        for document in found:
            if block := self._believed(document, blocks[-1] if blocks else None):
                blocks.append(block)
        return blocks

    def _believed(self, document: Any, previous: Block | None) -> Block | None:
        try:
            block = block_of(decode(document))
        except Undecodable as error:
            self._aside.add(document["_id"], str(error))
            return None
        if previous is not None and jumps(block, previous.next):
            self._aside.add(block.id, f"it begins at packet {block.first} after {previous.next}")
            return None
        return block
