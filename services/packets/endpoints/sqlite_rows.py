"""What is asked of the SQLite tables, as plain calls on a connection."""

from collections.abc import Iterable
from datetime import datetime
from sqlite3 import Connection
from uuid import UUID

from contracts.block import Block
from contracts.task import Capture
from services.packets.endpoints.documents import ended_at
from services.packets.endpoints.paging import milliseconds, page, place_of
from services.packets.endpoints.port import SessionQuery, SessionTaken, Stored, TaskKnown

_BLOCK = "session, block, first, count, first_ts, last_ts, bytes, dropped, data"
_INSERT_BLOCK = (
    f"INSERT INTO blocks ({_BLOCK}, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "  # noqa: S608
    "ON CONFLICT DO NOTHING"
)
_SELECT_BLOCK = f"SELECT {_BLOCK} FROM blocks WHERE session = ?"  # noqa: S608
_DELETED_AT_ONCE = 64


def insert_blocks(db: Connection, blocks: Iterable[Block], at: datetime) -> list[Block]:
    """Insert blocks; those that were not there yet."""
    stamp = milliseconds(at)
    return [
        block for block in blocks if db.execute(_INSERT_BLOCK, (*_values(block), stamp)).rowcount
    ]


def read_blocks(
    db: Connection, session: str, start: int, limit: int, below: int | None
) -> list[Block]:
    """Up to `limit` blocks from number `start` and below another."""
    query = f"{_SELECT_BLOCK} AND block >= ? AND block < ? ORDER BY block LIMIT ?"
    end = below if below is not None else 2**62
    return [Block(*row) for row in db.execute(query, (session, start, end, limit))]


def block_with(db: Connection, session: str, number: int) -> Block | None:
    """The block that holds packet `number`, or else the first one after it."""
    before = "AND first <= ? AND first + count > ? ORDER BY first DESC LIMIT 1"
    after = "AND first > ? ORDER BY first LIMIT 1"
    row = (
        db.execute(f"{_SELECT_BLOCK} {before}", (session, number, number)).fetchone()
        or db.execute(f"{_SELECT_BLOCK} {after}", (session, number)).fetchone()
    )
    return Block(*row) if row else None


def stored(db: Connection, session: str) -> Stored:
    """What is stored of a session."""
    sums = "ifnull(sum(count), 0), count(*), ifnull(sum(bytes), 0), ifnull(max(first + count), 0)"
    query = f"SELECT {sums} FROM blocks WHERE session = ?"  # noqa: S608
    return Stored(*db.execute(query, (session,)).fetchone())


def sessions_stored(db: Connection, after: str, limit: int) -> list[str]:
    """Names of sessions of which blocks are stored, up to `limit` after a name."""
    query = "SELECT session FROM blocks WHERE session > ? ORDER BY session LIMIT 1"
    names = [after]  # each by a look of its own: DISTINCT would read every block's row in the index
    while len(names) <= limit and (row := db.execute(query, (names[-1],)).fetchone()):
        names.append(row[0])
    return names[1:]


def delete_blocks(db: Connection, session: str) -> int:
    """Remove some of a session's blocks; how many."""
    some = "SELECT rowid FROM blocks WHERE session = ? LIMIT ?"
    query = f"DELETE FROM blocks WHERE rowid IN ({some})"  # noqa: S608
    return db.execute(query, (session, _DELETED_AT_ONCE)).rowcount


def insert_session(db: Connection, capture: Capture, digest: str) -> None:
    """Insert a record. Raises SessionTaken or TaskKnown."""
    if known := session_of_task(db, capture.task_id):
        raise TaskKnown(known[0])
    query = "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
    place = (capture.session, str(capture.task_id), capture.resource, capture.service)
    state, requested, ended, size, text = _changing(capture)
    values = (*place, state, requested, ended, size, digest, text)
    if not db.execute(query, values).rowcount:
        raise SessionTaken(capture.session)


def update_session(
    db: Connection, capture: Capture, unless_ended: bool, instead_of: Capture | None
) -> bool:
    """Replace a record; whether it did."""
    if instead_of is not None and _said(session(db, capture.session)) != _said(instead_of):
        return False
    query = (
        "UPDATE sessions SET state = ?, requested_at = ?, ended_at = ?, bytes = ?, capture = ? "
        "WHERE session = ? AND (ended_at IS NULL OR ?)"
    )
    values = (*_changing(capture), capture.session, not unless_ended)
    return bool(db.execute(query, values).rowcount)


def session(db: Connection, name: str) -> Capture | None:
    """The record of a session."""
    return next(iter(_captures(db, "WHERE session = ?", name)), None)


def session_of_task(db: Connection, task_id: UUID) -> tuple[Capture, str] | None:
    """The record of a task's session, and the digest of its command."""
    query = "SELECT capture, digest FROM sessions WHERE task_id = ?"
    row = db.execute(query, (str(task_id),)).fetchone()
    return (Capture.model_validate_json(row[0]), row[1]) if row else None


def list_sessions(db: Connection, query: SessionQuery) -> tuple[list[Capture], str | None]:
    """A page of captures, newest first."""
    asked = {"state": query.state, "resource": query.resource, "service": query.service}
    terms: list[tuple[str, tuple[object, ...]]] = [
        (f"{name} = ?", (str(value),)) for name, value in asked.items() if value
    ]
    if query.cursor is not None:
        terms.append(("(requested_at, session) < (?, ?)", place_of(query.cursor)))
    where = " AND ".join(term for term, _ in terms) or "TRUE"
    values = [value for _, given in terms for value in given]
    order = "ORDER BY requested_at DESC, session DESC LIMIT ?"
    found = _captures(db, f"WHERE {where} {order}", *values, query.limit + 1)
    return page(found, query.limit)


def open_sessions(db: Connection, resource: str | None) -> list[Capture]:
    """Every capture that has not ended, of one resource or all."""
    where = "WHERE ended_at IS NULL AND (? IS NULL OR resource = ?)"
    return _captures(db, f"{where} ORDER BY requested_at DESC, session DESC", resource, resource)


def ended(db: Connection, limit: int, before: datetime | None) -> list[Capture]:
    """Captures that have ended (before a time), oldest first."""
    bound = milliseconds(before) if before is not None else 2**62
    return _captures(db, "WHERE ended_at < ? ORDER BY ended_at, session LIMIT ?", bound, limit)


def knows_resource(db: Connection, resource: str) -> bool:
    """Whether any capture of the resource is recorded."""
    query = "SELECT 1 FROM sessions WHERE resource = ? LIMIT 1"
    return db.execute(query, (resource,)).fetchone() is not None


def total_bytes(db: Connection) -> int:
    """Captured bytes of all sessions recorded."""
    (total,) = db.execute("SELECT ifnull(sum(bytes), 0) FROM sessions").fetchone()
    return int(total)


def delete_session(db: Connection, name: str) -> bool:
    """Remove a record; whether it was there."""
    return bool(db.execute("DELETE FROM sessions WHERE session = ?", (name,)).rowcount)


def _values(block: Block) -> tuple[object, ...]:
    place = (block.session, block.block, block.first, block.count, block.first_ts, block.last_ts)
    return (*place, block.size, block.dropped, block.data)


def _changing(capture: Capture) -> tuple[object, ...]:
    """State, requested_at, ended_at, bytes, and the whole as JSON."""
    at = ended_at(capture)
    ended_ms = milliseconds(at) if at is not None else None
    place = (str(capture.state), milliseconds(capture.requested_at), ended_ms)
    return (*place, capture.ledger.bytes, capture.model_dump_json())


def _said(capture: Capture | None) -> object:
    return capture and (capture.state, capture.stop_reason, capture.ledger, capture.error)


def _captures(db: Connection, rest: str, *values: object) -> list[Capture]:
    query = f"SELECT capture FROM sessions {rest}"  # noqa: S608
    return [Capture.model_validate_json(text) for (text,) in db.execute(query, values)]
