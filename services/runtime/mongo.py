"""MongoDB with our timeouts, concerns and errors; the one module that imports motor."""

import warnings
from asyncio import to_thread
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

import bson
import pymongo
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    InvalidURI,
    OperationFailure,
    PyMongoError,
)
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from contracts.topology import DATABASE
from services.runtime.errors import BadSetting, StoreUnavailable, Undecodable

Document = Mapping[str, Any]

NEEDS_REPLICA_SET = (
    "MongoDB runs as a standalone server, and change streams need a replica set: "
    "start mongod with --replSet and initiate it; a set of one member is enough"
)

OPERATION_MS = 4000
"""Bound of one operation with its retries, the choice of a server among them."""
_SELECTION_MS = 2500
_HEARTBEAT_MS = 5000
"""How often a server is looked at, and so how soon a frozen one is known as such."""

_DUPLICATE_KEY = 11000
_AWAY = frozenset({
    6, 7, 89, 91, 189, 202, 262, 9001, 10058, 10107, 11600, 11602, 13435, 13436,  # network, primary
    24, 46, 50, 64, 79, 100, 112, 133, 134, 175,  # locks, time limits, write and read concerns
    14031,  # no disk space
    13, 18,  # unauthorized: an operator can grant it while we wait
})  # fmt: skip
"""Server error codes after which the same operation may succeed later."""

_TOLERANT: CodecOptions[dict[str, Any]] = CodecOptions(
    tz_aware=True,
    datetime_conversion=DatetimeConversion.DATETIME_CLAMP,
    unicode_decode_error_handler="replace",
)
"""Decodes whatever a server accepted; what it means is checked afterwards."""
_RAW: CodecOptions[RawBSONDocument] = _TOLERANT.with_options(document_class=RawBSONDocument)


class Mongo:
    """One database: majority and journaled writes, majority reads, every call bounded in time."""

    def __init__(self, url: str) -> None:
        """`url` is `mongodb://…`; its path names the database. It connects when first used.

        Raises BadSetting, without the credentials in the address."""
        self.place = place_of(url)
        self._client = _client(url)
        self._database = self._client.get_database(
            _database_name(url),
            codec_options=_TOLERANT,
            read_concern=ReadConcern("majority"),
            write_concern=WriteConcern(w="majority", j=True),
        )

    def collection(self, name: str) -> Any:
        """A collection of the database, as motor has it."""
        return self._database[name]

    def raw_collection(self, name: str) -> Any:
        """The collection whose documents stay encoded until `decode`, each by itself."""
        return self._database.get_collection(name, codec_options=_RAW)

    async def command(self, command: Document) -> dict[str, Any]:
        """Run a command on the database."""
        async with self.errors():
            reply: dict[str, Any] = await self._database.command(command)
            return reply

    async def require_replica_set(self) -> None:
        """Return where change streams work. Raises BadSetting on a standalone server."""
        hello = await self.command({"hello": 1})
        if "setName" not in hello and hello.get("msg") != "isdbgrid":
            raise BadSetting(f"{NEEDS_REPLICA_SET} ({self.place})")

    async def close(self) -> None:
        """Close the connections; off the event loop, since a frozen server delays it."""
        await to_thread(self._client.close)

    @asynccontextmanager
    async def errors(self) -> AsyncIterator[None]:
        """Turn what the driver raises when the server is away into StoreUnavailable."""
        try:
            yield
        except PyMongoError as error:
            if not is_away(error):
                raise
            raise self.away(error) from error

    def away(self, error: Exception) -> StoreUnavailable:
        """The error that says that the server is away, and why."""
        return StoreUnavailable(f"MongoDB at {self.place} does not serve us: {reason_of(error)}")

    # --- for change streams ---

    async def cursor_command(self, command: Document, session: Any) -> RawBSONDocument:
        """Run a command whose answer holds a cursor, still encoded.

        With the time limit in the command itself: the client's would replace it."""
        with pymongo.timeout(0):
            reply = await self._database.command(command, codec_options=_RAW, session=session)
        cursor: RawBSONDocument = reply["cursor"]
        return cursor

    async def session(self) -> Any:
        """A session, in which a cursor is made and read."""
        return await self._client.start_session()


def decode(document: RawBSONDocument) -> dict[str, Any]:
    """The fields of a document. Raises Undecodable: one bad document must not spoil a batch."""
    try:
        return bson.decode(document.raw, _TOLERANT)
    except (BSONError, ArithmeticError, TypeError, ValueError) as error:
        raise Undecodable(f"not a document that can be read: {error}") from error


def is_away(error: PyMongoError) -> bool:
    """Whether the same operation may succeed later, as far as the error tells."""
    if isinstance(error, BulkWriteError):
        return not error.details["writeErrors"]  # only the write concern failed
    code = error.code if isinstance(error, OperationFailure) else None
    return isinstance(error, ConnectionFailure) or error.timeout or code in _AWAY


def refused_write(error: BulkWriteError) -> Document:
    """Of an ordered bulk: `index`, `code` and `errmsg` of the write at which it ended."""
    refused: Document = error.details["writeErrors"][0]
    return refused


def is_duplicate(refused: Document) -> bool:
    """Whether a write was refused because its key is there already."""
    return bool(refused["code"] == _DUPLICATE_KEY)


def may_pass_later(refused: Document) -> bool:
    """Whether a refused write may succeed later."""
    return refused["code"] in _AWAY


def place_of(url: str) -> str:
    """The address without credentials and options: `host:port/database`."""
    return f"{urlsplit(url).netloc.rpartition('@')[2]}/{_database_name(url)}"


def _database_name(url: str) -> str:
    return unquote(urlsplit(url).path.lstrip("/")) or DATABASE


def _client(url: str) -> Any:
    """A client; the driver only warns of an option that it does not know."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            return AsyncIOMotorClient(
                url,
                appname="capflow",
                timeoutMS=OPERATION_MS,
                socketTimeoutMS=OPERATION_MS,
                serverSelectionTimeoutMS=_SELECTION_MS,
                connectTimeoutMS=_SELECTION_MS,
                heartbeatFrequencyMS=_HEARTBEAT_MS,
            )
    except (InvalidURI, ConfigurationError, UserWarning, ValueError, TypeError) as error:
        reason = str(error).replace(url, "the address")
        raise BadSetting(f"not an address of MongoDB: {reason}") from None


def reason_of(error: Exception) -> str:
    """What the driver says, without the dumps it appends."""
    text = str(error).split(", full error:")[0].split(", Timeout:")[0].split(" (configured")[0]
    return f"{type(error).__name__}: {text[:300] or 'no answer in time'}"
