"""The file of a SQLite endpoint: one thread that writes, one that reads, and the tables."""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from services.runtime.errors import BadSetting, StoreUnavailable
from services.runtime.lockfile import hold

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], T]

_VERSION = 1
"""Of the tables; in the file's `user_version`."""

_PAGE_BYTES = 16_384
"""Blocks are large: fewer pages to chain."""
_BUSY_SECONDS = 2.0

# synchronous=FULL: what was acknowledged survives a power cut, as it does in a journaled MongoDB.
# Measured with bulks of eight blocks it takes 560,000 packets/s and more, so there is no need for
# less.
_SETUP = f"""
PRAGMA page_size = {_PAGE_BYTES};
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA journal_size_limit = {64 << 20};
PRAGMA user_version = {_VERSION};
CREATE TABLE IF NOT EXISTS blocks (
    session TEXT NOT NULL, block INTEGER NOT NULL, first INTEGER NOT NULL,
    count INTEGER NOT NULL, first_ts INTEGER NOT NULL, last_ts INTEGER NOT NULL,
    bytes INTEGER NOT NULL, dropped INTEGER NOT NULL, at INTEGER NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (session, block)
);
CREATE INDEX IF NOT EXISTS blocks_by_packet ON blocks (session, first, count, bytes);
CREATE TABLE IF NOT EXISTS sessions (
    session TEXT PRIMARY KEY, task_id TEXT NOT NULL UNIQUE, resource TEXT NOT NULL,
    service TEXT NOT NULL, state TEXT NOT NULL, requested_at INTEGER NOT NULL,
    ended_at INTEGER, bytes INTEGER NOT NULL, digest TEXT NOT NULL, capture TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS sessions_newest ON sessions (requested_at, session);
CREATE INDEX IF NOT EXISTS sessions_of ON sessions (resource, service, requested_at, session);
CREATE INDEX IF NOT EXISTS sessions_in ON sessions (state, requested_at, session);
CREATE INDEX IF NOT EXISTS sessions_oldest ON sessions (ended_at, session);
"""


class SqliteFile:
    """An open file; made by `open_file`."""

    def __init__(
        self, path: Path, lock: int, writer: sqlite3.Connection, reader: sqlite3.Connection
    ) -> None:
        self.path = path
        self._lock = lock
        self._loop = asyncio.get_running_loop()
        self._writer, self._reader = writer, reader
        self._writing = ThreadPoolExecutor(1, "sqlite-write")
        self._reading = ThreadPoolExecutor(1, "sqlite-read")

    async def write(self, job: Job[T], done: Callable[[T], None] | None = None) -> T:
        """Run `job` in a transaction on the writing thread.

        After it is committed, and in the order of the commits, `done` is called with its result
        on the event loop: even where the caller has gone meanwhile.
        """
        return await self._run(self._writing, self._commit, job, done)

    async def read(self, job: Job[T]) -> T:
        """Run `job` on the reading thread."""
        return await self._run(self._reading, job, self._reader)

    async def close(self) -> None:
        """Finish what is under way, and close the file."""
        await asyncio.to_thread(self._close)

    async def _run(self, thread: ThreadPoolExecutor, call: Callable[..., T], *args: object) -> T:
        try:
            return await self._loop.run_in_executor(thread, call, *args)
        except sqlite3.Error as error:
            raise StoreUnavailable(f"the packet file {self.path} does not serve us: {error}") from (
                error
            )

    def _commit(self, job: Job[T], done: Callable[[T], None] | None) -> T:
        with _transaction(self._writer):
            result = job(self._writer)
        if done is not None:
            self._loop.call_soon_threadsafe(done, result)
        return result

    def _close(self) -> None:
        self._writing.shutdown()
        self._reading.shutdown()
        self._reader.close()
        self._writer.close()
        os.close(self._lock)


async def open_file(path: Path) -> SqliteFile:
    """Open the file at `path`, made where there is none. Raises BadSetting where that fails."""
    return SqliteFile(path, *await asyncio.to_thread(_open, path))


def _open(path: Path) -> tuple[int, sqlite3.Connection, sqlite3.Connection]:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # packets are nobody else's
        lock = _take_lock(path.with_name(path.name + ".lock"))
    except OSError as error:
        raise _unusable(path, f"cannot be opened: {error.strerror}") from error
    try:
        return lock, _connect(path, _SETUP), _connect(path, "PRAGMA query_only = 1;")
    except sqlite3.Error as error:
        os.close(lock)
        raise _unusable(path, f"cannot be used: {error}") from error
    except BadSetting:
        os.close(lock)
        raise


def _take_lock(path: Path) -> int:
    """The feed lives in one process, so one process may have the file."""
    try:
        return hold(path)
    except BlockingIOError:
        raise BadSetting(
            f"CAPFLOW_ENDPOINTS: {path.with_suffix('')} is in use by another process: "
            "stop that one, or set another CAPFLOW_DATA"
        ) from None


def _connect(path: Path, setup: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > _VERSION:
            raise _unusable(path, f"was written by a newer Capflow (tables {version})")
        connection.executescript(setup)
    except BaseException:
        connection.close()
        raise
    return connection


def _unusable(path: Path, what: str) -> BadSetting:
    return BadSetting(
        f"CAPFLOW_ENDPOINTS: the packet file {path} {what}; "
        "name another file, or move this one away and a new one is made"
    )


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # a full disk has rolled it back already
            connection.execute("ROLLBACK")
        raise
