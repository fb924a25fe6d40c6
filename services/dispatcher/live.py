"""What the task store holds of a task and of an agent, as values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from contracts.keepalive import KEEPALIVES_IN_A_LEASE, KeepAlive
from contracts.record import Hash, capture_of, is_online, services_of
from contracts.task import Capture, TaskReport, TaskState


@dataclass(frozen=True, slots=True)
class Mark:
    """Who said something, and when: an agent's boot, and its place in what that boot has said."""

    agent_id: UUID
    boot: int
    seq: int

    @classmethod
    def of(cls, message: KeepAlive | TaskReport) -> "Mark":
        """The mark of what an agent has sent."""
        return cls(message.agent_id, message.boot, message.seq)

    @property
    def token(self) -> str:
        """The boot, as the task store keeps it."""
        return f"{self.agent_id}:{self.boot}"


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A stop came before the start of this task."""


@dataclass(frozen=True, slots=True)
class Live:
    """A task in the task store. Times in milliseconds, by the store's clock."""

    capture: Capture
    version: int
    """One more with each change; a change is made on the version it was decided on."""
    now: int
    requested: int
    running: int | None
    seen: int
    lease: int
    boot: str | None
    """The boot that runs it, as `Mark.token`."""
    seq: int
    """The last that this boot said of it."""
    unsaid: tuple[TaskState, ...]
    """States it has passed that nobody was told of yet."""
    digest: str | None
    """Of the command that asked for it; none where the task store had to be rebuilt."""


@dataclass(frozen=True, slots=True)
class Agent:
    """What the last KeepAlive of a resource said."""

    online: bool
    interval: float
    reply_to: str
    services: frozenset[str]
    token: str
    """Its boot, as `Mark.token`."""


def hash_of(flat: Sequence[bytes]) -> Hash:
    """A hash, as a script gives it: names and values in turn."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def live_of(record: Hash, now: int) -> Live | Tombstone:
    """The task in a hash."""
    if b"capture" not in record:
        return Tombstone()
    return Live(
        capture=capture_of(record),
        version=int(record.get(b"version", 0)),
        now=now,
        requested=_ms(record, b"requested_ms") or now,
        running=_ms(record, b"running_ms"),
        seen=_ms(record, b"seen_ms") or now,
        lease=lease_ms(float(record.get(b"interval", 0))),
        boot=_text(record, b"boot"),
        seq=int(record.get(b"seq", 0)),
        unsaid=tuple(TaskState(state) for state in (_text(record, b"unsaid") or "").split()),
        digest=_text(record, b"digest"),
    )


def agent_of(record: Hash, now: int) -> Agent | None:
    """The agent in a hash; none where there is no such hash."""
    if b"seen_ms" not in record:
        return None
    return Agent(
        online=is_online(record, now),
        interval=float(record[b"interval"]),
        reply_to=record[b"reply_to"].decode(),
        services=frozenset(info.service for info in services_of(record)),
        token=f"{record[b'agent_id'].decode()}:{record[b'boot'].decode()}",
    )


def lease_ms(interval: float) -> int:
    """How long an agent with this interval (s) may be silent."""
    return int(interval * 1000 * KEEPALIVES_IN_A_LEASE)


def _ms(record: Mapping[bytes, bytes], field: bytes) -> int | None:
    return int(record[field]) if field in record else None


def _text(record: Mapping[bytes, bytes], field: bytes) -> str | None:
    return record[field].decode() if field in record else None
