"""The records of captures in MongoDB."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pymongo import ASCENDING, DESCENDING
from pymongo.errors import DuplicateKeyError

from contracts.task import Capture
from contracts.topology import SESSIONS
from services.packets.endpoints import paging
from services.packets.endpoints.documents import Document, capture_document, capture_of
from services.packets.endpoints.port import SessionQuery, SessionTaken, TaskKnown
from services.packets.endpoints.setaside import SetAside
from services.runtime.errors import Undecodable
from services.runtime.mongo import Mongo

_NEWEST = [("requested_at", DESCENDING), ("_id", DESCENDING)]
_OLDEST = [("ended_at", ASCENDING), ("_id", ASCENDING)]
_INDEXES = (
    _NEWEST,
    [("resource", ASCENDING), ("service", ASCENDING), *_NEWEST],
    [("state", ASCENDING), *_NEWEST],
    _OLDEST,
)
_OUTCOME = {"state", "stop_reason", "ledger", "error"}
_ENDED = {"ended_at": {"$type": "date"}}


class MongoSessions:
    """The collection `sessions`.

    A record is always replaced whole, so that a change event holds it as it was at that moment:
    looked up afterwards it could show an end before the last block.
    """

    def __init__(self, mongo: Mongo, aside: SetAside) -> None:
        self._mongo = mongo
        self._aside = aside
        self._sessions = mongo.collection(SESSIONS)

    async def prepare(self) -> None:
        """Make the indexes."""
        async with self._mongo.errors():
            await self._sessions.create_index("task_id", unique=True)
            for index in _INDEXES:
                await self._sessions.create_index(index)

    async def insert(self, capture: Capture, digest: str) -> None:
        """Record a new capture. Raises SessionTaken or TaskKnown."""
        async with self._mongo.errors():
            try:
                await self._sessions.insert_one(capture_document(capture, digest))
            except DuplicateKeyError:
                known = await self.of_task(capture.task_id)
                raise TaskKnown(known[0]) if known else SessionTaken(capture.session) from None

    async def update(
        self, capture: Capture, unless_ended: bool, instead_of: Capture | None
    ) -> bool:
        """Replace the record; whether it did."""
        query = {"_id": capture.session} | ({"ended_at": None} if unless_ended else {})
        if instead_of is not None:
            query |= instead_of.model_dump(mode="json", include=_OUTCOME)
        found = await self._one(query, {"digest": 1})
        if found is None:
            return False
        record = capture_document(capture, found["digest"])
        async with self._mongo.errors():
            return bool((await self._sessions.replace_one(query, record)).matched_count)

    async def get(self, session: str) -> Capture | None:
        """The record of a session."""
        found = await self._one({"_id": session})
        return self._capture(found) if found else None

    async def of_task(self, task_id: UUID) -> tuple[Capture, str] | None:
        """The record of a task's session, and the digest of its command."""
        found = await self._one({"task_id": str(task_id)})
        capture = self._capture(found) if found else None
        return (capture, found["digest"]) if found and capture else None

    async def page(self, query: SessionQuery) -> tuple[list[Capture], str | None]:
        """A page of captures, newest first, and the next page's cursor."""
        asked = {"state": query.state, "resource": query.resource, "service": query.service}
        wanted: dict[str, Any] = {name: str(value) for name, value in asked.items() if value}
        if query.cursor is not None:
            wanted["$or"] = _after(paging.place_of(query.cursor))
        return paging.page(await self._find(wanted, _NEWEST, query.limit + 1), query.limit)

    async def open(self, resource: str | None) -> list[Capture]:
        """Every capture that has not ended, of one resource or all."""
        of_one = {"resource": resource} if resource is not None else {}
        return await self._find({"ended_at": None, **of_one}, _NEWEST)

    async def knows_resource(self, resource: str) -> bool:
        """Whether any capture of the resource is recorded."""
        return await self._one({"resource": resource}, {"_id": 1}) is not None

    async def ended(self, limit: int, before: datetime | None = None) -> list[Capture]:
        """Captures that have ended (before a time), oldest first."""
        when = {"ended_at": {"$lt": before}} if before is not None else _ENDED
        return await self._find(when, _OLDEST, limit)

    async def total_bytes(self) -> int:
        """Captured bytes of all sessions recorded."""
        total = [{"$group": {"_id": None, "bytes": {"$sum": "$ledger.bytes"}}}]
        async with self._mongo.errors():
            found = await self._sessions.aggregate(total).to_list(None)
        return int(found[0]["bytes"]) if found else 0

    async def delete(self, session: str) -> bool:
        """Remove a record; whether it was there."""
        async with self._mongo.errors():
            return bool((await self._sessions.delete_one({"_id": session})).deleted_count)

    async def _one(self, query: Document, fields: Document | None = None) -> Document | None:
        async with self._mongo.errors():
            found: Document | None = await self._sessions.find_one(query, fields)
            return found

    async def _find(
        self, query: Document, order: list[tuple[str, int]], limit: int = 0
    ) -> list[Capture]:
        async with self._mongo.errors():
            found = await self._sessions.find(query).sort(order).limit(limit).to_list(None)
        captures = [self._capture(document) for document in found]
        return [capture for capture in captures if capture is not None]

    def _capture(self, document: Document) -> Capture | None:
        try:
            return capture_of(document)
        except Undecodable as error:
            self._aside.add(document["_id"], str(error))
            return None


def _after(place: paging.Place) -> list[Document]:
    at = paging.instant(place.requested_ms)
    return [
        {"requested_at": {"$lt": at}},
        {"requested_at": at, "_id": {"$lt": place.session}},
    ]
