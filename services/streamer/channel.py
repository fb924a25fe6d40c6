"""One session as its viewers share it: its record, its newest blocks, and how far both are."""

import asyncio
from typing import Literal, Protocol

from contracts.block import Block
from contracts.ledger import Ledger
from contracts.spool import Spool
from contracts.task import Capture
from services.packets.endpoints.port import PacketStore
from services.packets.linktypes import ETHERNET
from services.runtime import logs
from services.streamer.accounting import Account
from services.streamer.doubt import Doubt
from services.streamer.ring import Ring
from services.streamer.statuses import Statuses

PATIENCE = 5
"""Looks at the store before blocks that the ledger counts are given up."""


class Member(Protocol):
    """A viewer, as its channel sees it."""

    def pump(self) -> None:
        """Send what there is to send."""

    def tick(self) -> None:
        """Tell the status: a second has passed, or the capture's state is another."""

    def replay(self) -> None:
        """Blocks have passed unseen: read on from the store."""

    def vanished(self) -> None:
        """The session was removed from the store."""


class Channel:
    """A session with viewers.

    The head is the number of the block that comes next. Blocks come in order by the feed; where
    one does not, `arrive` says so, and the hub looks into the store.
    """

    def __init__(self, capture: Capture, store: PacketStore, ring: Ring) -> None:
        self.capture = capture
        self.ended = capture.state.ended
        self.store = store
        self.ring = ring
        self.members: set[Member] = set()
        self.opened = asyncio.Event()
        """Set once the head is known."""
        self.ready = asyncio.Event()
        """Set once packets can be read: the link type is known."""
        self.next = 0
        """Number after the last packet stored."""
        self.dropped = 0
        """The kernel's drops up to there."""
        self.removed = False
        """Whether the session was removed from the store."""
        self.closed = False
        """Whether nobody watches any more."""
        self.since: dict[Literal["short", "deserted"], float] = {}
        """Since when (loop's clock) blocks are missing that the ledger counts; nobody watches."""
        self.looks = 0
        """Looks at the store in vain, for blocks that the ledger of an ended capture counts."""
        self._heard = 0  # the number after the last block that was heard of
        self._ledger: Ledger | None = None
        self._spool: Spool | None = None
        self._jumps = Doubt()
        self._statuses = Statuses()
        self._note_linktype()

    @property
    def session(self) -> str:
        """The session's name."""
        return self.capture.session

    @property
    def ledger(self) -> Ledger:
        """The newest ledger; of an ended capture, its record's."""
        if self._ledger is None or self.ended:
            return self.capture.ledger
        return self._ledger

    @property
    def reported(self) -> bool:
        """Whether its task's hash has been read."""
        return self._ledger is not None

    @property
    def spool(self) -> Spool | None:
        """What waits on the agent's disk; as new as the ledger."""
        return self.capture.spool if self._ledger is None or self.ended else self._spool

    @property
    def linktype(self) -> int:
        """The link type of its packets; Ethernet where an ended capture never said."""
        return ETHERNET if self.capture.linktype is None else self.capture.linktype

    @property
    def short(self) -> bool:
        """Whether there are blocks that have not come: heard of, or counted by the ledger.

        The ledger counts what is stored: of numbers that were left out it says nothing.
        """
        return self.opened.is_set() and self.ring.head < max(self.ledger.blocks, self._heard)

    @property
    def complete(self) -> bool:
        """Whether the capture has ended and all its blocks have come, or never will."""
        return self.ended and self.opened.is_set() and (not self.short or self.looks >= PATIENCE)

    def status(self, account: Account | None) -> bytes:
        """A `status` frame; every count is 0 for who has not started."""
        shown = Account(self.next) if account is None else account
        return self._statuses.frame(self.capture.state, self.ledger, self.spool, shown)

    def open(self, head: int, next: int, dropped: int) -> None:
        """Go on from what the store holds. What lies before it, viewers read from the store."""
        first_time = not self.opened.is_set()
        self.ring.clear(head)
        self.next = max(self.next, next)
        self.dropped = max(self.dropped, dropped)
        self.opened.set()
        if not first_time:
            for member in list(self.members):
                member.replay()

    def arrive(self, block: Block) -> bool:
        """Take in a block; False where others should have come before it."""
        if not self.opened.is_set() or block.block < self.ring.head:
            return True
        if block.block > self.ring.head:
            self._heard = max(self._heard, block.block + 1)
            return False
        self.take(block)
        return True

    def take(self, block: Block) -> None:
        """Take in a block from the head or beyond: the store has none between.

        One that jumps too far is left out until a second one says the same, or it would move the
        end of the capture for everybody.
        """
        doubted = self._jumps.block
        if not self._jumps.believes(block, self.next):
            if doubted != block.block:
                reason = f"it begins at packet {block.first} after {self.next}"
                logs.get("streamer").warning("a block was set aside", block=block.id, reason=reason)
            return
        self.ring.append(block)
        self.next = max(self.next, block.next)
        self.dropped = max(self.dropped, block.dropped)
        self.looks = 0
        self.pump()

    def record(self, capture: Capture) -> None:
        """Take in the session's record."""
        before = self.capture.state
        if self.ended and not capture.state.ended:
            return  # read before it ended, and come late
        self.capture = _with_linktype(capture, self.capture)
        self.ended = capture.state.ended
        self._note_linktype()
        if capture.state is not before:
            self.tick()

    def report(self, capture: Capture) -> None:
        """Take in the task's hash: its ledger is newer than the record's, its state may not be."""
        first_time = not self.reported
        self._ledger, self._spool = capture.ledger, capture.spool
        self.capture = _with_linktype(self.capture, capture)
        self._note_linktype()
        if first_time:
            self.tick()

    def vanish(self) -> None:
        """The session was removed."""
        self.removed = True
        self.ready.set()
        for member in list(self.members):
            member.vanished()

    def tick(self) -> None:
        """Tell every viewer the status."""
        for member in list(self.members):
            member.tick()

    def pump(self) -> None:
        """Let every viewer go on."""
        for member in list(self.members):
            member.pump()

    def _note_linktype(self) -> None:
        if self.capture.linktype is not None or self.ended:
            self.ready.set()


def _with_linktype(capture: Capture, other: Capture) -> Capture:
    """The capture; what it does not know yet of its service is from another report of it."""
    if capture.linktype is not None or other.linktype is None:
        return capture
    return capture.model_copy(update=other.watched())
