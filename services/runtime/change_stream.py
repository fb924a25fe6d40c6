"""Change streams of a MongoDB database: read in batches, resumed by token, never stuck."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from bson import Int64
from bson.raw_bson import RawBSONDocument
from pymongo.errors import OperationFailure, PyMongoError

from services.runtime.errors import BadSetting, CapflowError, StoreUnavailable
from services.runtime.mongo import (
    NEEDS_REPLICA_SET,
    OPERATION_MS,
    Document,
    Mongo,
    is_away,
    reason_of,
)

_AWAIT_MS = 200
"""How long an idle read waits for a change. Nothing makes the server answer sooner: a cursor that
is killed meanwhile says so only then."""

_NO_CHANGE_STREAMS = 40573
_CURSOR_GONE = frozenset({43, 237})

Events = list[RawBSONDocument]


class ChangesLost(CapflowError):
    """A change stream cannot go on where it was; the next read starts anew, at that moment."""


@dataclass(frozen=True, slots=True)
class _Cursor:
    id: int
    session: Any


class ChangeStream:
    """What changes in a database, read in batches, going on by resume token.

    The commands behind the driver's own change stream, for two reasons: a batch costs one hop to
    a thread and not one an event, and a read that was cut short loses nothing, because the token
    moves only with a batch that is handed over.
    """

    def __init__(self, mongo: Mongo) -> None:
        self._mongo = mongo
        self._stages: Sequence[Document] = ()
        self._cursor: _Cursor | None = None
        self._token: Any = None
        self._interrupted = asyncio.Event()
        self._left: set[asyncio.Task[None]] = set()
        """Reads that were interrupted, until the server has answered them."""

    async def follow(self, stages: Sequence[Document]) -> None:
        """Pass the changes through other pipeline stages, from where the stream is."""
        self._stages = stages
        self._interrupted.clear()
        await self._drop_cursor()

    def interrupt(self) -> None:
        """Let the read under way, or the next, return at once with nothing; a later one goes on
        where it was."""
        self._interrupted.set()

    async def read(self) -> Events:
        """The next change events, still encoded; none after a while without any.

        Raises StoreUnavailable (the next read goes on where this one was), ChangesLost, and
        BadSetting where the server has no change streams."""
        cursor, self._cursor = self._cursor, None
        try:
            return await (self._wait_for_more(cursor) if cursor else self._open())
        except OperationFailure as error:
            if is_away(error):
                raise self._mongo.away(error) from error
            return self._failed(error)
        except (PyMongoError, TimeoutError) as error:
            raise self._mongo.away(error) from error

    async def close(self) -> None:
        """Give the cursor up and forget where the stream was; a later read starts anew."""
        self._token = None
        await self._drop_cursor()
        if self._left:
            await asyncio.wait(self._left)

    async def _wait_for_more(self, cursor: _Cursor) -> Events:
        more = asyncio.create_task(self._more(cursor))
        interrupted = asyncio.create_task(self._interrupted.wait())
        try:
            await asyncio.wait({more, interrupted}, return_when=asyncio.FIRST_COMPLETED)
            return self._take(await more, "nextBatch", cursor.session) if more.done() else []
        finally:
            interrupted.cancel()
            self._interrupted.clear()
            if not more.done():
                self._leave(cursor, more)

    def _leave(self, cursor: _Cursor, more: asyncio.Task[RawBSONDocument]) -> None:
        """What a read will answer is nobody's any more: the token has not moved."""

        async def bury() -> None:
            await asyncio.wait({more})
            more.exception()
            await self._give_up(cursor)

        task = asyncio.create_task(bury())
        self._left.add(task)
        task.add_done_callback(self._left.discard)

    async def _open(self) -> Events:
        resume = {"resumeAfter": self._token} if self._token else {}
        pipeline = [{"$changeStream": resume}, *self._stages]
        session = await self._mongo.session()
        command = {"aggregate": 1, "pipeline": pipeline, "cursor": {}, "maxTimeMS": OPERATION_MS}
        return self._take(await self._command(command, session), "firstBatch", session)

    async def _more(self, cursor: _Cursor) -> RawBSONDocument:
        command = {
            "getMore": Int64(cursor.id),
            "collection": "$cmd.aggregate",
            "maxTimeMS": _AWAIT_MS,
        }
        return await self._command(command, cursor.session)

    async def _command(self, command: Document, session: Any) -> RawBSONDocument:
        async with asyncio.timeout(OPERATION_MS / 1000):  # the driver's own retries take longer
            return await self._mongo.cursor_command(command, session)

    def _take(self, reply: RawBSONDocument, batch: str, session: Any) -> Events:
        self._token = reply["postBatchResumeToken"]
        if reply["id"]:
            self._cursor = _Cursor(reply["id"], session)
        events: Events = reply[batch]
        return events

    def _failed(self, error: OperationFailure) -> Events:
        """Never twice the same failing token, which would be for ever."""
        if error.code == _NO_CHANGE_STREAMS:
            raise BadSetting(f"{NEEDS_REPLICA_SET} ({self._mongo.place})") from error
        if error.code in _CURSOR_GONE:
            return []
        if self._token is None:
            raise self._mongo.away(error) from error
        self._token = None
        raise ChangesLost(
            f"changes of MongoDB at {self._mongo.place} were lost: {reason_of(error)}"
        ) from error

    async def _drop_cursor(self) -> None:
        cursor, self._cursor = self._cursor, None
        if cursor is not None:
            await self._give_up(cursor)

    async def _give_up(self, cursor: _Cursor) -> None:
        with suppress(PyMongoError, StoreUnavailable):  # the server drops an idle one by itself
            await self._mongo.command(
                {
                    "killCursors": "$cmd.aggregate",
                    "cursors": [Int64(cursor.id)],
                }
            )
            await cursor.session.end_session()
