"""Blocks and captures as MongoDB's documents, and back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bson import Int64

from contracts.block import MAX_BLOCK_BYTES, Block, block_id
from contracts.task import Capture
from services.packets.endpoints.plausible import fault_of
from services.runtime.errors import Undecodable

Document = Mapping[str, Any]

MAX_DOCUMENT_BYTES = MAX_BLOCK_BYTES + (64 << 10)
"""The most a block's document may take, its fields around the data among it."""

_NUMBERS = ("block", "first", "count", "first_ts", "last_ts", "bytes", "dropped")
_ID_PATTERN = "^[a-z0-9.-]+#[0-9]{10}$"
_TIMES = ("requested_at", "started_at", "stopped_at")

BLOCK_RULES: Document = {
    "$and": [
        {
            "$jsonSchema": {
                "bsonType": "object",
                "required": ["_id", "session", *_NUMBERS, "data", "at"],
                "properties": {
                    "_id": {"bsonType": "string", "maxLength": 160, "pattern": _ID_PATTERN},
                    "session": {"bsonType": "string", "maxLength": 142},
                    **{name: {"bsonType": ["int", "long"], "minimum": 0} for name in _NUMBERS},
                    "count": {"bsonType": ["int", "long"], "minimum": 1},
                    "data": {"bsonType": "binData"},
                    "at": {"bsonType": "date"},
                },
            }
        },
        {"$expr": {"$lte": [{"$bsonSize": "$$ROOT"}, MAX_DOCUMENT_BYTES]}},
    ]
}
"""What the server takes into `blocks`. A document near MongoDB's own bound of 16 MiB would end
every change stream that meets it, so it must not come in."""


def block_document(block: Block, at: datetime) -> dict[str, Any]:
    """The document of a block stored `at`."""
    return {
        "_id": block.id,
        "session": block.session,
        "block": Int64(block.block),
        "first": Int64(block.first),
        "count": Int64(block.count),
        "first_ts": Int64(block.first_ts),
        "last_ts": Int64(block.last_ts),
        "bytes": Int64(block.size),
        "dropped": Int64(block.dropped),
        "data": block.data,
        "at": at,
    }


def block_of(document: Document) -> Block:
    """The block of a document. Raises Undecodable, with what is wrong, where it is none."""
    session, data = document.get("session"), document.get("data")
    if not isinstance(session, str) or not isinstance(data, bytes):
        raise Undecodable("session and data must be text and bytes of at most 1 MiB")
    block, first, count, first_ts, last_ts, size, dropped = (
        _number(document, name) for name in _NUMBERS
    )
    if document.get("_id") != block_id(session, block):
        raise Undecodable("_id must be <session>#<block, 10 digits>")
    found = Block(session, block, first, count, first_ts, last_ts, size, dropped, data)
    if fault := fault_of(found):
        raise Undecodable(fault)
    return found


def capture_document(capture: Capture, digest: str) -> dict[str, Any]:
    """The document of a capture; `ended_at` is there for finding the oldest ones."""
    times = {name: getattr(capture, name) for name in _TIMES}
    fields = capture.model_dump(mode="json") | times
    return {"_id": capture.session, **fields, "digest": digest, "ended_at": ended_at(capture)}


def capture_of(document: Document) -> Capture:
    """The capture of a document. Raises Undecodable where it is none."""
    try:
        return Capture.model_validate(document)
    except ValueError as error:
        raise Undecodable(f"not the record of a capture: {error}") from error


def ended_at(capture: Capture) -> datetime | None:
    """When a capture ended; None while it has not."""
    return (capture.stopped_at or capture.requested_at) if capture.state.ended else None


def _number(document: Document, name: str) -> int:
    value = document.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Undecodable(f"{name} must be an integer")
    return int(value)
