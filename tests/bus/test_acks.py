"""Acknowledgements of many messages at once."""

from hypothesis import given
from hypothesis import strategies as st

from services.runtime.bus.acks import Due


def test_what_is_done_in_order_is_acknowledged_at_once() -> None:
    due = Due()
    assert due.take({1, 2, 3}) == [(3, True)]
    assert due.take({4}) == [(4, True)]


def test_what_is_done_before_an_earlier_one_is_acknowledged_by_itself() -> None:
    due = Due()
    assert due.take({2, 3}) == [(2, False), (3, False)]
    assert due.take({1, 4}) == [(4, True)]
    assert due.take({5}) == [(5, True)]


@given(st.permutations(range(1, 30)), st.data())
def test_each_is_acknowledged_once_and_none_before_it_is_done(
    order: list[int], data: st.DataObject
) -> None:
    due, done, acknowledged = Due(), set[int](), set[int]()
    while order:
        cut = data.draw(st.integers(1, len(order)))
        now, order = set(order[:cut]), order[cut:]
        done |= now
        for tag, multiple in due.take(now):
            assert tag in now - acknowledged, "RabbitMQ closes a channel that acks a tag twice"
            acknowledged |= {each for each in range(1, tag + 1) if multiple or each == tag}
        assert acknowledged == done
