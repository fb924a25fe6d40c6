"""The packet store as services see it: blocks, sessions, and the feed of what changes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from contracts.block import Block
from contracts.order import EndpointType
from contracts.task import Capture, TaskState


class SessionTaken(Exception):
    """Another capture has this session name: move to the next second."""


class TaskKnown(Exception):
    """This task id has a session already; the argument is its capture."""

    def __init__(self, capture: Capture) -> None:
        super().__init__(f"task {capture.task_id} has session {capture.session} already")
        self.capture = capture


class BlockRefused(Exception):
    """The store refuses a block, and always will: set it aside and store the others.

    Nothing is said of the other blocks of the call: store them again, which does no harm.
    """

    def __init__(self, block: Block, reason: str) -> None:
        super().__init__(f"block {block.id} can never be stored: {reason}")
        self.block = block


@dataclass(frozen=True, slots=True)
class Stored:
    """What the store holds of one session."""

    packets: int = 0
    blocks: int = 0
    bytes: int = 0
    next: int = 0
    """Number after the last packet stored."""


@dataclass(frozen=True, slots=True)
class SessionQuery:
    """Which captures to list; newest first."""

    state: TaskState | None = None
    resource: str | None = None
    service: str | None = None
    limit: int = 50
    cursor: str | None = None
    """As the page before gave it; ValueError where it is not one."""


@dataclass(frozen=True, slots=True)
class BlockStored:
    """A block of a watched session came into the store."""

    block: Block


@dataclass(frozen=True, slots=True)
class SessionChanged:
    """The record of a watched session changed; its end comes after its last block."""

    capture: Capture


@dataclass(frozen=True, slots=True)
class SessionRemoved:
    """A watched session was removed from the store."""

    session: str


@dataclass(frozen=True, slots=True)
class HistoryLost:
    """Changes were lost, of any session watched: read on from the store by block number."""


Change = BlockStored | SessionChanged | SessionRemoved | HistoryLost


class Feed(Protocol):
    """What changes in a store, for the sessions watched, in order. One feed an endpoint."""

    def watch(self, sessions: Collection[str]) -> None:
        """Carry changes of these sessions and of no others.

        Takes effect soon; a session newly watched may miss changes that happened before it did,
        so read the store once `watching` holds it.
        """

    @property
    def watching(self) -> frozenset[str]:
        """The sessions whose changes are carried now."""

    async def changes(self) -> Sequence[Change]:
        """The next changes, in order; empty after a while without any, or when `watching` has
        changed. Never cancel this call: close the feed and let it return.

        Raises StoreUnavailable when the endpoint is away; call again to read on from where the
        feed was."""

    async def close(self) -> None:
        """End the feed; a `changes` under way returns empty soon."""


class PacketStore(Protocol):
    """Blocks of packets, and (in the first endpoint only) the records of captures.

    Every call raises StoreUnavailable when the endpoint is away. A record's times are kept to the
    millisecond at least.
    """

    @property
    def type(self) -> EndpointType:
        """The endpoint's type."""

    @property
    def set_aside(self) -> int:
        """How many documents were found that were not what they must be, and left out of reads
        and of the feed; each is logged."""

    async def ping(self) -> None:
        """Return when the endpoint answers."""

    async def close(self) -> None:
        """Give up the connection."""

    # --- blocks ---

    async def insert_blocks(self, blocks: Sequence[Block]) -> None:
        """Store blocks in their order, durably; a block that is there already is success.

        Raises BlockRefused for a block that can never be stored."""

    async def read_blocks(
        self, session: str, start: int, *, limit: int = 8, below: int | None = None
    ) -> list[Block]:
        """Up to `limit` blocks from block number `start` (and `below` another), in order.

        Empty only where there are no more."""

    async def block_with(self, session: str, number: int) -> Block | None:
        """The block that holds packet `number`, or else the first one after it."""

    async def stored(self, session: str) -> Stored:
        """What is stored of a session."""

    async def sessions_stored(self, after: str, limit: int) -> list[str]:
        """Names of sessions of which blocks are stored, recorded or not: up to `limit` of them, in
        order, that come after a name. Each costs one look into an index."""

    # --- sessions ---

    async def prepare(self) -> None:
        """Make the indexes; safe to repeat. Raises BadSetting where the server cannot serve us
        (a mongod that is no member of a replica set)."""

    async def insert_session(self, capture: Capture, digest: str) -> None:
        """Record a new capture with a digest of the command that asked for it.

        Raises SessionTaken or TaskKnown."""

    async def update_session(
        self,
        capture: Capture,
        *,
        unless_ended: bool = True,
        instead_of: Capture | None = None,
    ) -> bool:
        """Write the capture's record anew; whether it did. With `unless_ended`, a record that
        has ended is left as it is; with `instead_of`, one whose state, stop reason,
        ledger or error is another by now."""

    async def session(self, session: str) -> Capture | None:
        """The record of a session."""

    async def session_of_task(self, task_id: UUID) -> tuple[Capture, str] | None:
        """The record of a task's session, and the digest of its command."""

    async def list_sessions(self, query: SessionQuery) -> tuple[list[Capture], str | None]:
        """A page of captures, newest first, and the next page's cursor."""

    async def open_sessions(self, resource: str | None = None) -> list[Capture]:
        """Every capture that has not ended, of one resource or all."""

    async def knows_resource(self, resource: str) -> bool:
        """Whether any capture of the resource is recorded."""

    async def ended_before(self, at: datetime, limit: int) -> list[Capture]:
        """Captures that ended before `at`, oldest first."""

    async def oldest_ended(self, limit: int) -> list[Capture]:
        """Captures that have ended, oldest first."""

    async def total_bytes(self) -> int:
        """Captured bytes of all sessions recorded."""

    async def delete_blocks(self, session: str) -> None:
        """Remove a session's blocks."""

    async def delete_session(self, session: str) -> bool:
        """Remove a session's record; whether it was there. Its blocks go first."""

    # --- feed ---

    def feed(self) -> Feed:
        """The feed of this endpoint; one is enough for a process."""
