"""The arithmetic of a capture's ledger: what each hop counted, and that the sums close."""

from collections.abc import Iterable, Sequence

from contracts.block import Block
from contracts.ledger import Ledger
from services.agent.source import Counters


class LedgerBook:
    """The counts of one capture, entered where they happen.

    The capture thread enters what it reads, the writer what it stores; each count has one writer,
    so that none needs a lock.
    """

    def __init__(self) -> None:
        self._kernel = Counters()
        self._lost = 0
        self._captured = 0
        self._beyond_limit = 0
        self._dropped_agent = 0
        self._abandoned = 0
        self._damaged = 0
        self._stored = 0
        self._blocks = 0
        self._bytes = 0

    @property
    def dropped_kernel(self) -> int:
        """The kernel's running total of drops."""
        return self._kernel.dropped + self._lost

    def enter_kernel(self, counters: Counters) -> None:
        """The source's own running totals."""
        self._kernel = counters

    def enter_lost(self, packets: int) -> None:
        """Packets that the kernel has counted and never handed over: as good as dropped there."""
        self._lost += packets

    def enter_read(self, captured: int, beyond_limit: int) -> None:
        """Packets read from the source: within the limits, and past them."""
        self._captured += captured
        self._beyond_limit += beyond_limit

    def enter_overflow(self, packets: int) -> None:
        """Packets for which the blocks that wait had no room."""
        self._dropped_agent += packets

    def enter_stored(self, blocks: Sequence[Block]) -> None:
        """Blocks that the endpoint has acknowledged."""
        self._stored += sum(block.count for block in blocks)
        self._blocks += len(blocks)
        self._bytes += sum(block.size for block in blocks)

    def enter_abandoned(self, packets: int) -> None:
        """Packets that waited for an endpoint which did not take them in time."""
        self._abandoned += packets

    def enter_damaged(self, packets: int) -> None:
        """Packets that waited on disk and could not be read back."""
        self._damaged += packets

    @property
    def overflowed(self) -> int:
        """Packets for which there was no room, neither in memory nor on disk."""
        return self._dropped_agent

    def unread(self) -> int:
        """Packets that the source has counted and that have not been read from it."""
        read = self._captured + self._beyond_limit
        return max(0, self._kernel.seen - self.dropped_kernel - read)

    def ledger(self) -> Ledger:
        """The ledger now. The sums close once everything read has been stored or dropped."""
        return Ledger(
            seen=self._kernel.seen,
            captured=self._captured,
            dropped_kernel=self.dropped_kernel,
            beyond_limit=self._beyond_limit,
            dropped_agent=self._dropped_agent + self._abandoned + self._damaged,
            stored=self._stored,
            blocks=self._blocks,
            bytes=self._bytes,
        )


def settled(ledger: Ledger) -> Ledger:
    """The last ledger known of a capture that was cut off, made to close.

    What was captured and not known to be stored counts as lost by the agent; of what came after
    nothing is known, and nothing is said.
    """
    captured = max(ledger.captured, ledger.stored)
    return ledger.model_copy(
        update={
            "captured": captured,
            "dropped_agent": captured - ledger.stored,
            "seen": captured + ledger.dropped_kernel + ledger.beyond_limit,
        }
    )


def since(before: Ledger, ledger: Ledger) -> Ledger:
    """What has been counted since `before`, count by count."""
    then = dict(before)
    return Ledger(**{name: max(0, count - then[name]) for name, count in ledger})


def total(ledgers: Iterable[Ledger]) -> Ledger:
    """The sum of several ledgers, count by count."""
    added = list(ledgers)
    return Ledger(
        **{name: sum(getattr(one, name) for one in added) for name in Ledger.model_fields}
    )
