"""The packet store on SQLite: for one process, which also tells its own feed what changes."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID

from contracts.block import Block
from contracts.order import EndpointType
from contracts.task import Capture
from services.packets.endpoints import sqlite_rows as rows
from services.packets.endpoints.plausible import fault_of
from services.packets.endpoints.port import (
    BlockRefused,
    BlockStored,
    Change,
    SessionChanged,
    SessionQuery,
    SessionRemoved,
    Stored,
)
from services.packets.endpoints.sqlite_feed import SqliteFeed
from services.packets.endpoints.sqlite_file import SqliteFile


def _utc_now() -> datetime:
    return datetime.now(UTC)


class SqliteStore:
    """A `PacketStore`."""

    type: EndpointType = "sqlite"
    set_aside = 0
    """Nobody else writes into the file."""

    def __init__(self, file: SqliteFile, now: Callable[[], datetime] = _utc_now) -> None:
        self._file = file
        self._now = now
        self._feeds: list[SqliteFeed] = []

    async def ping(self) -> None:
        """Return when the file can be read."""
        await self._file.read(lambda db: db.execute("SELECT 1 FROM sessions LIMIT 1").fetchone())

    async def close(self) -> None:
        """Finish what is under way, and close the file."""
        await self._file.close()

    async def prepare(self) -> None:
        """Nothing: tables and indexes were made when the file was opened."""

    async def insert_blocks(self, blocks: Sequence[Block]) -> None:
        """Store blocks in their order, in one transaction."""
        for block in blocks:
            if fault := fault_of(block):
                raise BlockRefused(block, fault)
        at = self._now()
        await self._file.write(lambda db: rows.insert_blocks(db, blocks, at), self._tell_blocks)

    async def read_blocks(
        self, session: str, start: int, *, limit: int = 8, below: int | None = None
    ) -> list[Block]:
        """Up to `limit` blocks from block number `start` (and `below` another), in order."""
        return await self._file.read(lambda db: rows.read_blocks(db, session, start, limit, below))

    async def block_with(self, session: str, number: int) -> Block | None:
        """The block that holds packet `number`, or else the first one after it."""
        return await self._file.read(lambda db: rows.block_with(db, session, number))

    async def stored(self, session: str) -> Stored:
        """What is stored of a session."""
        return await self._file.read(lambda db: rows.stored(db, session))

    async def sessions_stored(self, after: str, limit: int) -> list[str]:
        """Names of sessions of which blocks are stored, up to `limit` after a name."""
        return await self._file.read(lambda db: rows.sessions_stored(db, after, limit))

    async def insert_session(self, capture: Capture, digest: str) -> None:
        """Record a new capture. Raises SessionTaken or TaskKnown."""
        await self._file.write(
            lambda db: rows.insert_session(db, capture, digest),
            lambda _: self._tell(SessionChanged(capture)),
        )

    async def update_session(
        self,
        capture: Capture,
        *,
        unless_ended: bool = True,
        instead_of: Capture | None = None,
    ) -> bool:
        """Write the record anew; whether it did."""
        return await self._file.write(
            lambda db: rows.update_session(db, capture, unless_ended, instead_of),
            lambda written: self._tell(SessionChanged(capture)) if written else None,
        )

    async def session(self, session: str) -> Capture | None:
        """The record of a session."""
        return await self._file.read(lambda db: rows.session(db, session))

    async def session_of_task(self, task_id: UUID) -> tuple[Capture, str] | None:
        """The record of a task's session, and the digest of its command."""
        return await self._file.read(lambda db: rows.session_of_task(db, task_id))

    async def list_sessions(self, query: SessionQuery) -> tuple[list[Capture], str | None]:
        """A page of captures, newest first, and the next page's cursor."""
        return await self._file.read(lambda db: rows.list_sessions(db, query))

    async def open_sessions(self, resource: str | None = None) -> list[Capture]:
        """Every capture that has not ended, of one resource or all."""
        return await self._file.read(lambda db: rows.open_sessions(db, resource))

    async def knows_resource(self, resource: str) -> bool:
        """Whether any capture of the resource is recorded."""
        return await self._file.read(lambda db: rows.knows_resource(db, resource))

    async def ended_before(self, at: datetime, limit: int) -> list[Capture]:
        """Captures that ended before `at`, oldest first."""
        return await self._file.read(lambda db: rows.ended(db, limit, at))

    async def oldest_ended(self, limit: int) -> list[Capture]:
        """Captures that have ended, oldest first."""
        return await self._file.read(lambda db: rows.ended(db, limit, None))

    async def total_bytes(self) -> int:
        """Captured bytes of all sessions recorded."""
        return await self._file.read(rows.total_bytes)

    async def delete_blocks(self, session: str) -> None:
        """Remove a session's blocks, some at a time, so that others write in between."""
        while await self._file.write(lambda db: rows.delete_blocks(db, session)):
            pass

    async def delete_session(self, session: str) -> bool:
        """Remove a session's record; whether it was there."""
        return await self._file.write(
            lambda db: rows.delete_session(db, session),
            lambda removed: self._tell(SessionRemoved(session)) if removed else None,
        )

    def feed(self) -> SqliteFeed:
        """A feed of what is committed from now on."""
        feed = SqliteFeed()
        self._feeds = [*(other for other in self._feeds if not other.closed), feed]
        return feed

    def _tell_blocks(self, blocks: Sequence[Block]) -> None:
        for block in blocks:
            self._tell(BlockStored(block))

    def _tell(self, change: Change) -> None:
        for feed in self._feeds:
            feed.offer(change)
