"""The judge finds what is wrong: a judge that is always content would prove nothing."""

from collections.abc import Callable
from typing import Any

import pytest

from services.packets.pcapng import enhanced_packet
from tests.faults.judging import Truth, judge_blocks, judge_ledger, judge_viewer
from tests.faults.recorder import Batch, Gap, Recorder, Visit
from tests.faults.sender import headers
from tests.faults.verdict import Verdict
from tests.support.numbered import payload

RUN, OTHER = b"0123abcd", b"ffffffff"


def _frame(number: int, run: bytes = RUN) -> bytes:
    return headers(4000, 60) + payload(run, number, 60)


def _data(numbers: range, run: bytes = RUN) -> bytes:
    frames = [_frame(number, run) for number in numbers]
    return b"".join(enhanced_packet(0, frame, len(frame)) for frame in frames)


def _batch(first: int, next: int) -> Batch:
    return Batch(first, next, _data(range(first, next)))


def _json(first: int, next: int, *numbers: int) -> Batch:
    return Batch(first, next, [(number, _frame(number)) for number in numbers])


def _visit(first: int, *told: Batch | Gap, next: int, missing: int = 0, **more: Any) -> Visit:
    status = {"next": next, "sent": next - first - missing, "missing": missing}
    status |= {"filtered": 0, "skipped": 0, **more}
    return Visit(first, first, list(told), status, end=status)


def _judged(*visits: Visit, captured: int | None = None, dropped: int = 0) -> Verdict:
    """The judgement of a viewer of a capture that ended where the viewer did, or elsewhere."""
    viewer = Recorder("s", None)  # type: ignore[arg-type]
    viewer.visits = list(visits)
    if captured is None:
        status = visits[-1].status
        assert status is not None
        captured = status["next"]
    return judge_viewer(viewer, Truth(RUN, 100), {"captured": captured, "dropped_kernel": dropped})


def test_what_is_in_order_is_well() -> None:
    first = _visit(0, _batch(0, 5), next=5)
    first.end = None
    assert _judged(first, _visit(5, _batch(5, 9), _batch(9, 12), next=12)).well
    told = _visit(0, _batch(0, 5), Gap(5, 3, "agent-drop"), _batch(8, 9), next=9, missing=3)
    assert _judged(told).well
    assert _judged(_visit(0, _json(0, 3, 0, 1, 2), next=3)).well


def test_one_notice_may_stand_for_several_holes() -> None:
    told = (_batch(0, 5), _batch(6, 9), Gap(5, 3, "agent-drop"), _batch(11, 12))
    assert _judged(_visit(0, *told, next=12, missing=3)).well


def test_a_notice_that_was_cut_off_with_what_follows_is_told_again() -> None:
    first = _visit(0, _batch(0, 5), Gap(5, 3, "agent-drop"), next=5)
    first.end = None
    again = _visit(5, Gap(5, 3, "agent-drop"), _batch(8, 9), next=9, missing=3)
    assert _judged(first, again).well


def test_an_end_of_which_nobody_knows_whether_it_is_one_is_well() -> None:
    assert _judged(_visit(0, _batch(0, 5), Gap(5, 0, "unknown"), next=5)).well
    assert _judged(_visit(0, _batch(0, 5), Gap(4, 0, "unknown"), next=5)).i3


@pytest.mark.parametrize(
    "visits",
    [
        [_visit(0, _batch(0, 5), _batch(4, 9), next=9)],
        [_visit(0, _batch(5, 9), _batch(0, 5), next=9)],
        [_visit(0, Batch(0, 5, _data(range(5), OTHER)), next=5)],
        [_visit(0, Batch(0, 5, _data(range(5)).replace(b"....", b",,,,")), next=5)],
        [_visit(0, Batch(0, 6, _data(range(5))), next=6)],
        [_visit(0, Batch(0, 1, _data(range(100, 101))), next=1)],
        [_visit(0, _batch(0, 5), next=5), _visit(4, _batch(4, 9), next=9)],
        [_visit(0, _batch(0, 5), next=5), _visit(6, _batch(6, 9), next=9)],
        [_visit(5, _batch(5, 9), next=9)],
        [_visit(0, _json(0, 3, 0, 2), next=3)],
        [_visit(0, _json(0, 3, 0, 1, 1, 2), next=3)],
        [_visit(0, _json(0, 3, 0, 2, 1), next=3)],
    ],
    ids=[
        *("repeat", "disorder", "run", "checksum", "count", "invented", "again", "left out"),
        *("begun late", "JSON misses", "JSON repeats", "JSON in disorder"),
    ],
)
def test_a_viewer_that_was_given_something_wrong_is_found(visits: list[Visit]) -> None:
    assert _judged(*visits).i2


@pytest.mark.parametrize(
    "visit",
    [
        _visit(0, _batch(0, 5), _batch(8, 9), next=9, missing=3),
        _visit(0, _batch(0, 5), Gap(5, 2, "unknown"), _batch(8, 9), next=9, missing=3),
        _visit(0, _batch(0, 5), Gap(5, 4, "unknown"), _batch(8, 9), next=9, missing=3),
        _visit(0, _batch(0, 5), Gap(10**6, 3, "unknown"), _batch(8, 9), next=9, missing=3),
        _visit(0, _batch(0, 5), next=5, sent=4),
    ],
    ids=["untold", "too few", "too many", "elsewhere", "counts"],
)
def test_a_hole_that_was_not_told_exactly_is_found(visit: Visit) -> None:
    assert _judged(visit).i3


def test_an_end_that_was_never_told_is_found() -> None:
    visit = _visit(0, _batch(0, 5), next=5)
    visit.end = None
    assert _judged(visit).i3


def test_an_end_before_the_last_packet_is_found() -> None:
    assert _judged(_visit(0, _batch(0, 5), next=5), captured=50).i3


def test_drops_of_the_kernel_that_were_not_told_exactly_are_found() -> None:
    told = _visit(0, _batch(0, 5), Gap(None, 3, "kernel-drop"), next=5)
    assert _judged(told, dropped=3).well
    assert _judged(told, dropped=4).i3
    assert _judged(_visit(0, _batch(0, 5), next=5), dropped=4).i3


def test_an_error_that_a_viewer_was_told_is_found() -> None:
    visit = _visit(0, _batch(0, 5), next=5)
    visit.errors = [{"code": "unavailable"}]
    assert _judged(visit).well
    visit.errors = [{"code": "bad-position"}]
    assert _judged(visit).own


def test_two_viewers_who_were_given_different_packets_are_found() -> None:
    truth = Truth(RUN, 100)
    assert not list(truth.check(0, _data(range(3))))
    assert list(truth.check(0, _data(range(1, 4))))


def test_a_run_that_goes_back_is_found() -> None:
    truth = Truth(RUN, 100)
    assert not list(truth.check(0, _data(range(5, 7)) + _data(range(3, 5))))
    assert list(truth.disorder())


def _ledger(**changed: int) -> dict[str, int]:
    counts = {"seen": 10, "captured": 8, "dropped_kernel": 1, "beyond_limit": 1}
    return {**counts, "stored": 7, "dropped_agent": 1, **changed}


@pytest.mark.parametrize(
    "ledger",
    [_ledger(seen=11), _ledger(captured=9), _ledger(stored=8), _ledger(dropped_kernel=0)],
)
def test_a_ledger_that_does_not_close_is_found(ledger: dict[str, int]) -> None:
    assert judge_ledger(_ledger(), sent=10, stored=7).well
    assert judge_ledger(ledger, sent=10, stored=7).i3


def test_a_ledger_beside_the_store_or_the_generator_is_found() -> None:
    assert judge_ledger(_ledger(), sent=10, stored=6).i3
    assert judge_ledger(_ledger(), sent=9, stored=7).i3
    assert judge_ledger(_ledger(), sent=None, stored=7).well


def _block(number: int, first: int, count: int) -> dict[str, Any]:
    data = _data(range(first, first + count))
    return {"block": number, "first": first, "count": count, "data": data}


@pytest.mark.parametrize(
    ("blocks", "broken"),
    [
        ([_block(0, 0, 5), _block(2, 5, 5)], lambda v: v.i1),
        ([_block(0, 0, 5), _block(1, 4, 5)], lambda v: v.i2),
        ([{**_block(0, 0, 5), "count": 6}], lambda v: v.i2),
    ],
    ids=["hole", "overlap", "count"],
)
def test_blocks_that_are_not_whole_are_found(
    blocks: list[dict[str, Any]], broken: Callable[[Verdict], list[str]]
) -> None:
    verdict, _ = judge_blocks(blocks, Truth(RUN, 100))
    assert broken(verdict)


def test_blocks_that_are_whole_are_counted() -> None:
    verdict, packets = judge_blocks([_block(0, 0, 5), _block(1, 8, 5)], Truth(RUN, 100))
    assert verdict.well
    assert packets == 10
