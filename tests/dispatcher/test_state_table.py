"""The state table: what it allows, whatever is said."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.ledger import Ledger
from contracts.order import EndpointRef
from contracts.task import Capture, CaptureStatus, Failure, StopReason, TaskState
from services.dispatcher import ledgers, states
from services.dispatcher.states import TABLE, Change
from services.packets.endpoints.port import Stored

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
COUNTS = st.integers(min_value=0, max_value=2**40)
LEDGERS = st.builds(
    Ledger, captured=COUNTS, dropped_kernel=COUNTS, beyond_limit=COUNTS, stored=COUNTS
)
REASONS = st.none() | st.sampled_from(StopReason)


def a_capture(state: TaskState = TaskState.RUNNING, **fields: object) -> Capture:
    base: dict[str, object] = {
        "task_id": uuid4(),
        "session": "web-1.eth0.20261123120000",
        "resource": "web-1",
        "service": "eth0",
        "state": state,
        "requested_by": "test",
        "requested_at": AT,
        "endpoint": EndpointRef(name="main", type="sqlite"),
        "idle_seconds": 60,
    }
    return Capture.model_validate({**base, **fields})


def says(capture: Capture, state: TaskState, **fields: object) -> CaptureStatus:
    return CaptureStatus.model_validate({"order": capture.order(), "state": state, **fields})


captures = st.builds(
    lambda state, reason, ledger: a_capture(state, stop_reason=reason, ledger=ledger),
    st.sampled_from(TaskState),
    REASONS,
    LEDGERS,
)


def _follows_the_table(old: TaskState, change: Change) -> None:
    for new in change.passed:
        assert new in TABLE[old] or new is old
        old = new
    if change.passed:
        assert change.capture.state is old


@given(captures, st.sampled_from(TaskState), REASONS, LEDGERS)
def test_whatever_an_agent_says_each_step_is_in_the_table(
    capture: Capture, said: TaskState, reason: StopReason | None, ledger: Ledger
) -> None:
    status = says(capture, said, stop_reason=reason, ledger=ledger)
    change = states.reported(capture, status, AT + timedelta(seconds=9))
    if change is None:
        return
    _follows_the_table(capture.state, change)
    if change.capture.state.ended:
        assert change.capture.stop_reason is not None or capture.state.ended
        assert change.capture.stopped_at is not None or capture.state.ended


@given(captures, st.sampled_from(StopReason), LEDGERS)
def test_nothing_leads_out_of_an_end(capture: Capture, reason: StopReason, ledger: Ledger) -> None:
    changes = [
        states.stop(capture, reason),
        states.lose(capture),
        states.no_answer(capture, 30, AT),
        states.never_taken(capture, AT),
        states.vanish(capture, reason, ledger, AT),
    ]
    for change in filter(None, changes):
        assert not capture.state.ended
        _follows_the_table(capture.state, change)


@given(st.sampled_from([s for s in TaskState if not s.ended]), st.booleans())
def test_whatever_has_not_ended_can_be_ended_by_its_agent(state: TaskState, asked: bool) -> None:
    for end in (TaskState.STOPPED, TaskState.FAILED):
        passed = states.path(state, end, asked)
        assert passed
        assert passed[-1] is end


@given(captures, st.sampled_from(StopReason))
def test_a_stop_made_twice_is_one_stop(capture: Capture, reason: StopReason) -> None:
    change = states.stop(capture, reason)
    if change is not None:
        assert states.stop(change.capture, reason) is None


@pytest.mark.parametrize(
    ("asked", "said", "expected"),
    [
        (None, StopReason.SECONDS, StopReason.SECONDS),
        (StopReason.NO_VIEWER, StopReason.REQUESTED, StopReason.NO_VIEWER),
        (StopReason.NO_VIEWER, None, StopReason.NO_VIEWER),
        (StopReason.REQUESTED, StopReason.BYTES, StopReason.BYTES),
        (None, None, StopReason.REQUESTED),
    ],
)
def test_the_agent_knows_its_own_reasons_and_we_know_ours(
    asked: StopReason | None, said: StopReason | None, expected: StopReason
) -> None:
    capture = a_capture(TaskState.STOPPING, stop_reason=asked)
    change = states.reported(capture, says(capture, TaskState.STOPPED, stop_reason=said), AT)
    assert change is not None
    assert change.capture.stop_reason is expected


def test_a_lost_capture_told_to_stop_meanwhile_comes_back_as_stopping() -> None:
    lost = a_capture(TaskState.LOST, stop_reason=StopReason.REQUESTED)
    change = states.reported(lost, says(lost, TaskState.RUNNING), AT)
    assert change is not None
    assert change.passed == (TaskState.STOPPING,)


def test_a_lost_capture_that_failed_was_back_first() -> None:
    assert states.path(TaskState.LOST, TaskState.FAILED, False) == (
        TaskState.RUNNING,
        TaskState.FAILED,
    )


def test_what_an_agent_says_of_its_service_is_kept_once_it_has_said_it() -> None:
    capture = a_capture(TaskState.REQUESTED, filter="udp")
    service = {"interface": "lo", "linktype": 1, "service_filter": "port 9", "service_snaplen": 64}
    running = states.reported(capture, says(capture, TaskState.RUNNING, **service), AT)
    assert running is not None
    ended = states.reported(running.capture, says(capture, TaskState.STOPPED), AT)
    assert ended is not None
    assert ended.capture.watched() == service
    assert ended.capture.filter_in_force == "(port 9) and (udp)"


def test_an_agents_wrong_clock_puts_nothing_before_the_request_or_after_now() -> None:
    capture, now = a_capture(), AT + timedelta(seconds=5)
    for wrong in (AT - timedelta(days=400), AT + timedelta(days=400)):
        status = says(capture, TaskState.STOPPED, started_at=wrong, stopped_at=wrong)
        change = states.reported(capture, status, now)
        assert change is not None
        assert AT <= change.capture.started_at <= now  # type: ignore[operator]
        assert AT <= change.capture.stopped_at <= now  # type: ignore[operator]


@given(LEDGERS, COUNTS, COUNTS)
def test_a_repaired_ledger_closes(last: Ledger, packets: int, gap: int) -> None:
    stored = Stored(packets=packets, blocks=1, bytes=5, next=packets + gap)
    ledger = ledgers.repaired(last, stored)
    assert ledger.closes()
    assert ledger.stored == packets
    assert ledger.captured >= last.captured


@pytest.mark.parametrize("code", ["agent-lost", "no-answer"])
@pytest.mark.parametrize("reason", list(StopReason))
def test_an_end_without_its_agent_is_amended_once(code: str, reason: StopReason) -> None:
    error = Failure(code=code, detail="…")
    capture = a_capture(TaskState.STOPPED, stop_reason=StopReason.AGENT_LOST, error=error)
    late = says(capture, TaskState.STOPPED, stop_reason=reason, ledger=Ledger(seen=3, captured=3))
    change = states.reported(capture, late, AT)
    assert change is not None
    assert change.amended
    assert change.capture.ledger == late.ledger
    assert change.capture.state is TaskState.STOPPED
    assert states.reported(change.capture, late, AT) is None


def test_what_was_still_in_a_spool_amends_the_ledger_once_and_nothing_else() -> None:
    """The agent came back after the capture's limits and grace were over."""
    stopped = {"stop_reason": StopReason.AGENT_LOST, "stopped_at": AT}
    before = Ledger(seen=9, captured=9, stored=4, dropped_agent=5, blocks=1)
    lost = ledgers.unknown_tail(StopReason.AGENT_LOST, before)
    capture = a_capture(TaskState.STOPPED, **stopped, ledger=before, error=lost, sha256="0" * 64)
    still = says(capture, TaskState.STOPPING, stop_reason=StopReason.AGENT_RESTARTED)
    assert states.reported(capture, still, AT) is None, "nothing is known before all is stored"
    after = Ledger(seen=9, captured=9, stored=9, blocks=2)
    late = says(
        capture,
        TaskState.STOPPED,
        stop_reason=StopReason.AGENT_RESTARTED,
        ledger=after,
        recovered=True,
        started_at=AT,
        stopped_at=AT + timedelta(hours=1),
    )
    change = states.reported(capture, late, AT)
    assert change is not None
    assert (change.amended, change.passed) == (True, ())
    changed = {name for name, value in change.capture if value != getattr(capture, name)}
    assert changed == {"ledger", "error", "sha256"}, "the error says what is unknown still"
    assert change.capture.ledger == after
    again = late.model_copy(update={"ledger": before})
    assert states.reported(change.capture, again, AT) is None


def test_an_end_that_its_agent_told_is_not_amended() -> None:
    capture = a_capture(TaskState.STOPPED, stop_reason=StopReason.BYTES)
    assert states.reported(capture, says(capture, TaskState.STOPPED), AT) is None
