"""The packet store on MongoDB."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from contracts.block import Block
from contracts.order import EndpointType
from contracts.task import Capture
from services.packets.endpoints.mongodb_blocks import MongoBlocks
from services.packets.endpoints.mongodb_feed import MongoFeed
from services.packets.endpoints.mongodb_sessions import MongoSessions
from services.packets.endpoints.port import SessionQuery, Stored
from services.packets.endpoints.setaside import SetAside
from services.runtime.change_stream import ChangeStream
from services.runtime.mongo import Mongo


class MongoStore:
    """A `PacketStore`: each call is one of its parts'."""

    type: EndpointType = "mongodb"

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._aside = SetAside(mongo.place)
        self._blocks = MongoBlocks(mongo, self._aside)
        self._sessions = MongoSessions(mongo, self._aside)

    @property
    def set_aside(self) -> int:
        """How many documents were left out because they were not what they must be."""
        return self._aside.count

    async def ping(self) -> None:
        """Return when the server answers."""
        await self._mongo.command({"ping": 1})

    async def close(self) -> None:
        """Give up the connection."""
        await self._mongo.close()

    async def prepare(self) -> None:
        """Make collections and indexes. Raises BadSetting on a standalone server."""
        await self._mongo.require_replica_set()
        await self._blocks.prepare()
        await self._sessions.prepare()

    async def insert_blocks(self, blocks: Sequence[Block]) -> None:
        """Store blocks in their order; majority, journaled."""
        await self._blocks.insert(blocks)

    async def read_blocks(
        self, session: str, start: int, *, limit: int = 8, below: int | None = None
    ) -> list[Block]:
        """Up to `limit` blocks from block number `start` (and `below` another), in order."""
        return await self._blocks.read(session, start, limit, below)

    async def block_with(self, session: str, number: int) -> Block | None:
        """The block that holds packet `number`, or else the first one after it."""
        return await self._blocks.with_packet(session, number)

    async def stored(self, session: str) -> Stored:
        """What is stored of a session."""
        return await self._blocks.stored(session)

    async def sessions_stored(self, after: str, limit: int) -> list[str]:
        """Names of sessions of which blocks are stored, up to `limit` after a name."""
        return await self._blocks.sessions(after, limit)

    async def insert_session(self, capture: Capture, digest: str) -> None:
        """Record a new capture. Raises SessionTaken or TaskKnown."""
        await self._sessions.insert(capture, digest)

    async def update_session(
        self,
        capture: Capture,
        *,
        unless_ended: bool = True,
        instead_of: Capture | None = None,
    ) -> bool:
        """Write the record anew; whether it did."""
        return await self._sessions.update(capture, unless_ended, instead_of)

    async def session(self, session: str) -> Capture | None:
        """The record of a session."""
        return await self._sessions.get(session)

    async def session_of_task(self, task_id: UUID) -> tuple[Capture, str] | None:
        """The record of a task's session, and the digest of its command."""
        return await self._sessions.of_task(task_id)

    async def list_sessions(self, query: SessionQuery) -> tuple[list[Capture], str | None]:
        """A page of captures, newest first, and the next page's cursor."""
        return await self._sessions.page(query)

    async def open_sessions(self, resource: str | None = None) -> list[Capture]:
        """Every capture that has not ended, of one resource or all."""
        return await self._sessions.open(resource)

    async def knows_resource(self, resource: str) -> bool:
        """Whether any capture of the resource is recorded."""
        return await self._sessions.knows_resource(resource)

    async def ended_before(self, at: datetime, limit: int) -> list[Capture]:
        """Captures that ended before `at`, oldest first."""
        return await self._sessions.ended(limit, before=at)

    async def oldest_ended(self, limit: int) -> list[Capture]:
        """Captures that have ended, oldest first."""
        return await self._sessions.ended(limit)

    async def total_bytes(self) -> int:
        """Captured bytes of all sessions recorded."""
        return await self._sessions.total_bytes()

    async def delete_blocks(self, session: str) -> None:
        """Remove a session's blocks."""
        await self._blocks.delete(session)

    async def delete_session(self, session: str) -> bool:
        """Remove a session's record; whether it was there."""
        return await self._sessions.delete(session)

    def feed(self) -> MongoFeed:
        """The feed of this endpoint."""
        return MongoFeed(ChangeStream(self._mongo), self._aside)
