"""The Redis hashes of `capflow:task:` and `capflow:agent:`, read as the models they stand for.

Times in Redis are milliseconds since 1970 by the clock of the Redis server, the one clock that
every dispatcher shares.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter

from contracts.keepalive import KEEPALIVES_IN_A_LEASE, ServiceInfo
from contracts.resource import Conflict, Resource
from contracts.task import Capture

Hash = Mapping[bytes, bytes]
_SERVICES: TypeAdapter[list[ServiceInfo]] = TypeAdapter(list[ServiceInfo])


def capture_of(record: Hash) -> Capture:
    """The capture in a task's hash. KeyError where there is none.

    `capture` is the whole of it as JSON; `state`, `ledger` and `spool` stand apart because scripts
    and reports change them more often, and they are newer than the capture's own.
    """
    fields: dict[str, Any] = json.loads(record[b"capture"])
    if b"ledger" in record:
        fields["ledger"] = json.loads(record[b"ledger"])
    if b"spool" in record:
        fields["spool"] = json.loads(record[b"spool"])
    fields["state"] = record[b"state"].decode()
    return Capture.model_validate(fields)


def is_online(record: Hash, now_ms: int) -> bool:
    """Whether the agent of this hash was heard of within its lease."""
    lease_ms = float(record[b"interval"]) * 1000 * KEEPALIVES_IN_A_LEASE
    return now_ms - int(record[b"seen_ms"]) <= lease_ms


def services_of(record: Hash) -> list[ServiceInfo]:
    """The services in an agent's hash."""
    return _SERVICES.validate_json(record[b"services"])


def resource_of(name: str, record: Hash, running: list[Any], now_ms: int) -> Resource:
    """The resource of an agent's hash; `running` are the task ids of what has not ended there."""
    online = is_online(record, now_ms)
    since = int(record[b"since_ms"]) if online and b"since_ms" in record else None
    return Resource(
        resource=name,
        online=online,
        online_since=None if since is None else instant(since),
        last_seen=instant(int(record[b"seen_ms"])),
        version=record[b"version"].decode(),
        services=services_of(record),
        running=running,
        conflict=_conflict(record),
    )


def instant(ms: int) -> datetime:
    """Milliseconds since 1970 as a time in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def _conflict(record: Hash) -> Conflict | None:
    if b"conflict_id" not in record:
        return None
    seen = instant(int(record[b"conflict_ms"]))
    return Conflict.model_validate({"agent_id": record[b"conflict_id"].decode(), "last_seen": seen})
