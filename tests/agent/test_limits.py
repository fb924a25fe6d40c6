from hypothesis import given
from hypothesis import strategies as st

from contracts.order import Limits
from contracts.task import StopReason
from services.agent.limits import Limiter
from services.agent.source import Frame

frames = st.builds(lambda size: (0, size, bytes(size)), st.integers(0, 50))
batches = st.lists(st.lists(frames, max_size=10), max_size=10)


def _admitted(limiter: Limiter, given_batches: list[list[Frame]]) -> list[Frame]:
    return [frame for batch in given_batches for frame in batch[: limiter.admit(batch)]]


@given(batches, st.integers(1, 60), st.integers(1, 2000))
def test_exactly_what_fits_is_admitted_and_nothing_after_it(
    given_batches: list[list[Frame]], packets: int, size: int
) -> None:
    limiter = Limiter(Limits(packets=packets, bytes=size), 0.0)
    admitted = _admitted(limiter, given_batches)
    coming = [frame for batch in given_batches for frame in batch]
    assert admitted == coming[: len(admitted)]
    taken = sum(len(frame[2]) for frame in admitted)
    assert len(admitted) <= packets
    assert taken <= size
    if len(admitted) < len(coming):
        assert (
            len(admitted) == packets
            or taken + len(coming[len(admitted)][2]) > size
            or (taken == size)
        )
        assert limiter.reached in (StopReason.PACKETS, StopReason.BYTES)


@given(batches)
def test_without_a_limit_in_reach_everything_is_admitted(given_batches: list[list[Frame]]) -> None:
    limiter = Limiter(Limits(), 0.0)
    assert _admitted(limiter, given_batches) == [f for batch in given_batches for f in batch]
    assert limiter.reached is None


def test_the_reason_is_known_with_the_last_packet_and_not_only_with_the_next() -> None:
    limiter = Limiter(Limits(packets=2), 0.0)
    assert limiter.admit([(0, 5, bytes(5))] * 2) == 2
    assert limiter.reached is StopReason.PACKETS
    limiter = Limiter(Limits(bytes=10), 0.0)
    assert limiter.admit([(0, 5, bytes(5))] * 2) == 2
    assert limiter.reached is StopReason.BYTES


def test_the_seconds_are_over_at_the_deadline_and_what_was_in_the_ring_is_still_taken() -> None:
    limiter = Limiter(Limits(seconds=10), 100.0)
    assert not limiter.expired(109.999)
    assert limiter.expired(110.0)
    assert limiter.reached is StopReason.SECONDS
    assert limiter.admit([(0, 5, bytes(5))]) == 1


def test_the_first_limit_reached_is_the_reason() -> None:
    limiter = Limiter(Limits(seconds=10, packets=1), 0.0)
    limiter.expired(10.0)
    limiter.admit([(0, 5, bytes(5))] * 2)
    assert limiter.reached is StopReason.SECONDS
