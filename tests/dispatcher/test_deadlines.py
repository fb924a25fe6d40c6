"""What has run out, and when to look again."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.task import TaskState
from services.dispatcher.deadlines import Due, Watch, judge
from services.dispatcher.timing import Timing

TIMING = Timing(answer=30, grace=30)
SECOND = 1000
CALM = Watch(
    state=TaskState.RUNNING,
    now=1_000_000,
    requested=990_000,
    running=995_000,
    seen=999_000,
    lease=15 * SECOND,
    seconds=600,
    watched_until=1_030_000,
    calm=60 * SECOND,
)
TIMES = st.integers(min_value=0, max_value=10**9)
watches = st.builds(
    Watch,
    state=st.sampled_from(TaskState),
    now=TIMES,
    requested=TIMES,
    running=st.none() | TIMES,
    seen=TIMES,
    lease=st.integers(min_value=0, max_value=10**6),
    seconds=st.integers(min_value=1, max_value=10**6),
    watched_until=st.none() | TIMES,
    calm=st.integers(min_value=0, max_value=10**6),
)


@given(watches)
def test_a_look_is_always_in_the_future_and_within_a_lease(watch: Watch) -> None:
    verdict = judge(watch, TIMING)
    if isinstance(verdict, Due):
        return
    assert verdict >= watch.now
    assert verdict <= watch.now + max(watch.lease, 1)


@given(watches)
def test_nothing_runs_out_within_a_lease_of_regaining_broker_and_store(watch: Watch) -> None:
    if watch.calm < watch.lease:
        assert not isinstance(judge(watch, TIMING), Due)


@given(watches, st.integers(min_value=0, max_value=10**7))
def test_what_has_run_out_stays_run_out(watch: Watch, later: int) -> None:
    if isinstance(judge(watch, TIMING), Due):
        assert isinstance(judge(replace(watch, now=watch.now + later), TIMING), Due)


@given(watches)
def test_what_has_ended_never_runs_out(watch: Watch) -> None:
    if watch.state.ended:
        assert not isinstance(judge(watch, TIMING), Due)


@given(watches)
def test_whatever_runs_runs_out_in_the_end(watch: Watch) -> None:
    if not watch.state.ended:
        assert isinstance(judge(replace(watch, now=10**11, calm=10**7), TIMING), Due)


@pytest.mark.parametrize(
    ("watch", "due"),
    [
        (replace(CALM, state=TaskState.REQUESTED, requested=970_000), Due.NO_ANSWER),
        (replace(CALM, seen=985_000), Due.LEASE),
        (replace(CALM, running=370_000), Due.LIMIT),
        (replace(CALM, watched_until=1_000_000), Due.VIEWER),
        (replace(CALM, state=TaskState.STOPPING, seen=985_000), Due.LEASE),
        (replace(CALM, state=TaskState.LOST, running=370_000), Due.LOST),
        (replace(CALM, state=TaskState.LOST, running=None, requested=370_000), Due.LOST),
    ],
)
def test_each_cause_runs_out_at_its_time(watch: Watch, due: Due) -> None:
    assert judge(watch, TIMING) is due


@pytest.mark.parametrize(
    "watch",
    [
        replace(CALM, state=TaskState.REQUESTED, requested=970_001),
        replace(CALM, seen=985_001),
        replace(CALM, running=370_001, seen=999_999),
        replace(CALM, watched_until=1_000_001),
        replace(CALM, watched_until=None, now=1_010_000),
        replace(CALM, state=TaskState.LOST, seen=0),
    ],
)
def test_nothing_runs_out_before_its_time(watch: Watch) -> None:
    assert not isinstance(judge(watch, TIMING), Due)
