"""The answer to an agent: all that is wanted of it."""

import json
from collections.abc import Sequence

from contracts.topology import WANTED_TYPE
from services.runtime.bus.port import Outgoing


def wanted(
    resource: str,
    revision: int,
    orders: Sequence[bytes] = (),
    seq: int | None = None,
    refused: str | None = None,
    correlation_id: str | None = None,
) -> Outgoing:
    """A `Wanted`. The orders are JSON already, as the task store keeps them, and stay as they are:
    this is written for every KeepAlive."""
    head = {"resource": resource, "revision": revision, "seq": seq, "refused": refused}
    body = json.dumps(head)[:-1].encode() + b', "orders": [' + b",".join(orders) + b"]}"
    return Outgoing(WANTED_TYPE, body, correlation_id=correlation_id)
