from hypothesis import given
from hypothesis import strategies as st

from contracts.block import Block
from contracts.ledger import Ledger
from services.agent.ledgerbook import LedgerBook, settled, total
from services.agent.source import Counters

counts = st.integers(0, 10**6)


def _block(count: int, size: int) -> Block:
    return Block("here.lo.20261123000000", 0, 0, count, 0, 0, size, 0, b"")


@given(st.lists(st.tuples(counts, counts, counts, counts)), counts)
def test_the_sums_close_once_everything_read_is_stored_or_dropped(
    hops: list[tuple[int, int, int, int]], dropped: int
) -> None:
    book, seen = LedgerBook(), dropped
    for stored, overflow, abandoned, beyond in hops:
        book.enter_read(stored + overflow + abandoned, beyond)
        book.enter_overflow(overflow)
        book.enter_stored([_block(stored, stored * 10)])
        book.enter_abandoned(abandoned)
        seen += stored + overflow + abandoned + beyond
    book.enter_kernel(Counters(seen, dropped))
    assert book.unread() == 0
    assert book.ledger().closes()
    assert book.ledger().bytes == 10 * book.ledger().stored


@given(counts, counts, counts)
def test_what_the_source_never_handed_over_counts_as_dropped_there(
    read: int, dropped: int, lost: int
) -> None:
    book = LedgerBook()
    book.enter_kernel(Counters(read + dropped + lost, dropped))
    book.enter_read(read, 0)
    book.enter_overflow(read)
    assert book.unread() == lost
    book.enter_lost(book.unread())
    assert book.unread() == 0
    assert book.ledger().dropped_kernel == dropped + lost
    assert book.ledger().closes()


@given(st.builds(Ledger, **dict.fromkeys(Ledger.model_fields, counts)))
def test_a_ledger_that_was_cut_off_is_made_to_close(ledger: Ledger) -> None:
    closed = settled(ledger)
    assert closed.closes()
    assert closed.stored == ledger.stored
    assert closed.captured >= ledger.captured


def test_a_total_adds_count_by_count() -> None:
    one = Ledger(seen=3, captured=2, dropped_kernel=1, stored=2, blocks=1, bytes=50)
    assert total([]) == Ledger()
    assert total([one, one]) == Ledger(
        seen=6, captured=4, dropped_kernel=2, stored=4, blocks=2, bytes=100
    )
