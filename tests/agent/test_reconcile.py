from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from contracts.keepalive import Wanted
from contracts.task import StopReason
from services.agent.reconcile import Known, Life, Plan, reconcile
from tests.agent.rig import order

TASKS = [UUID(int=number) for number in range(1, 7)]
ORDERS = {task: order("lo", task_id=task) for task in TASKS}

known_tasks = st.dictionaries(
    st.sampled_from(TASKS),
    st.builds(Known, st.sampled_from(Life), st.none() | st.integers(1, 10)),
)
lists = st.builds(
    lambda tasks, revision, seq: Wanted(
        resource="here", revision=revision, seq=seq, orders=[ORDERS[task] for task in tasks]
    ),
    st.lists(st.sampled_from(TASKS)),
    st.integers(0, 10),
    st.none() | st.integers(1, 10),
)


@given(lists, st.integers(0, 10), known_tasks)
def test_a_task_that_was_ever_begun_is_never_begun_again(
    wanted: Wanted, revision: int, known: dict[UUID, Known]
) -> None:
    plan = reconcile(wanted, revision, known)
    started = [one.task_id for one in plan.start]
    assert not set(started) & set(known)
    assert len(started) == len(set(started))


@given(lists, st.integers(0, 10), known_tasks)
def test_afterwards_what_runs_is_what_is_wanted_and_was_not_begun_before(
    wanted: Wanted, revision: int, known: dict[UUID, Known]
) -> None:
    plan = reconcile(wanted, revision, known)
    if wanted.revision < revision:
        assert plan == Plan(revision=revision)
        return
    listed = {one.task_id for one in wanted.orders}
    runs = {task for task, it in known.items() if it.life is Life.RUNS}
    after = (runs - set(plan.stop)) | {one.task_id for one in plan.start}
    assert after == {task for task in listed if task in runs or task not in known}
    assert plan.revision == wanted.revision


@given(lists, st.integers(0, 10), known_tasks)
def test_only_what_ended_and_was_told_and_is_not_wanted_is_forgotten(
    wanted: Wanted, revision: int, known: dict[UUID, Known]
) -> None:
    listed = {one.task_id for one in wanted.orders}
    for task in reconcile(wanted, revision, known).forget:
        it = known[task]
        assert task not in listed
        assert wanted.seq is not None
        assert it.life is not Life.RUNS
        assert it.life is Life.UNKNOWN or (it.listed is not None and it.listed <= wanted.seq)


@given(lists, known_tasks)
def test_the_same_list_again_changes_nothing_more(wanted: Wanted, known: dict[UUID, Known]) -> None:
    plan = reconcile(wanted, 0, known)
    then = dict(known)
    then.update({one.task_id: Known(Life.RUNS) for one in plan.start})
    then.update({task: Known(Life.ENDED) for task in plan.stop})
    then.update({one.task_id: Known(Life.ENDED) for one in plan.cut_off})
    for task in plan.forget:
        del then[task]
    again = reconcile(wanted, plan.revision, then)
    assert again == Plan(revision=wanted.revision)


@given(known_tasks, st.integers(0, 10), st.integers(0, 10))
def test_a_refused_agent_stops_all_starts_nothing_and_forgets_nothing(
    known: dict[UUID, Known], revision: int, theirs: int
) -> None:
    refusal = Wanted(
        resource="here", revision=theirs, orders=[ORDERS[TASKS[0]]], refused="another lives", seq=9
    )
    plan = reconcile(refusal, revision, known)
    assert set(plan.stop) == {task for task, it in known.items() if it.life is Life.RUNS}
    assert (plan.start, plan.forget, plan.revision) == ((), (), revision)
    assert plan.reason is StopReason.ERROR
    assert plan.error is not None
    assert plan.error.detail == "another lives"
