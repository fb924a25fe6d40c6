"""What is wanted on a resource, and the answer that tells its agent."""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from contracts.record import Hash
from contracts.topology import WANTED_TYPE
from services.dispatcher.live import Agent
from services.runtime.bus.port import Outgoing


@dataclass(frozen=True, slots=True)
class WantedList:
    """What is wanted on a resource, and where to tell its agent."""

    revision: int
    orders: list[bytes]
    """Each an Order, as JSON."""
    open_ids: frozenset[str]
    """Tasks that have not ended, whether wanted or told to stop."""
    agent: Agent | None


def wanted_list(fields: Hash, agent: Agent | None) -> WantedList:
    """The wanted list in a hash. An order that another boot has begun is not given to this one."""

    def begun_elsewhere(name: bytes) -> bool:
        boot = fields.get(b"ran:" + name)
        return agent is not None and boot is not None and boot.decode() != agent.token

    names = [name for name in fields if b":" not in name and name != b"revision"]
    return WantedList(
        revision=int(fields.get(b"revision", 0)),
        orders=[fields[name] for name in names if not begun_elsewhere(name)],
        open_ids=frozenset(
            name.decode().rpartition(":")[2] for name in fields if name != b"revision"
        ),
        agent=agent,
    )


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
    body = orjson.dumps(head)[:-1] + b',"orders":[' + b",".join(orders) + b"]}"
    return Outgoing(WANTED_TYPE, body, correlation_id=correlation_id)
