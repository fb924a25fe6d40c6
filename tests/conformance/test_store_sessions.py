"""What every packet store does with the records of captures."""

from datetime import timedelta
from uuid import uuid4

import pytest

from contracts.task import Capture, StopReason, TaskState
from services.packets.endpoints.port import (
    PacketStore,
    SessionQuery,
    SessionTaken,
    TaskKnown,
)
from tests.support.captures import EPOCH, capture, ended, session_at


async def test_a_record_comes_back_as_it_went_in(store: PacketStore) -> None:
    new = capture()
    await store.insert_session(new, "digest")
    assert await store.session(new.session) == new
    assert await store.session_of_task(new.task_id) == (new, "digest")


async def test_what_was_never_recorded_is_not_there(store: PacketStore) -> None:
    assert await store.session(session_at(0)) is None
    assert await store.session_of_task(uuid4()) is None
    assert not await store.update_session(capture())
    assert not await store.delete_session(session_at(0))


async def test_preparing_twice_does_no_harm(store: PacketStore) -> None:
    new = capture()
    await store.insert_session(new, "digest")
    await store.prepare()
    assert await store.session(new.session) == new


async def test_a_name_belongs_to_one_capture(store: PacketStore) -> None:
    first, second = capture(), capture()
    await store.insert_session(first, "one")
    with pytest.raises(SessionTaken):
        await store.insert_session(second, "two")
    assert await store.session(first.session) == first
    assert await store.session_of_task(second.task_id) is None


async def test_a_task_has_one_session(store: PacketStore) -> None:
    first = capture(0)
    again = capture(1, task_id=first.task_id)
    await store.insert_session(first, "one")
    with pytest.raises(TaskKnown) as known:
        await store.insert_session(again, "two")
    assert known.value.capture == first
    assert await store.session(again.session) is None


async def test_a_record_inserted_again_is_a_task_known(store: PacketStore) -> None:
    first = capture()
    await store.insert_session(first, "one")
    with pytest.raises(TaskKnown):
        await store.insert_session(first, "one")


async def test_an_update_replaces_the_record_and_keeps_the_digest(store: PacketStore) -> None:
    new = capture()
    await store.insert_session(new, "digest")
    running = new.model_copy(
        update={"state": TaskState.RUNNING, "started_at": EPOCH, "interface": "eth0"}
    )
    assert await store.update_session(running)
    assert await store.session_of_task(new.task_id) == (running, "digest")


async def test_a_record_that_ended_stays_unless_it_is_amended(store: PacketStore) -> None:
    new = capture()
    end = ended(new, 9)
    await store.insert_session(new, "digest")
    assert await store.update_session(end)
    assert not await store.update_session(new)
    assert await store.session(new.session) == end
    amended = end.model_copy(update={"stop_reason": StopReason.AGENT_RESTARTED})
    assert await store.update_session(amended, unless_ended=False)
    assert not await store.update_session(end, unless_ended=False, instead_of=end)
    known = amended.model_copy(update={"sha256": "0" * 64})
    assert await store.update_session(known, unless_ended=False, instead_of=amended)
    assert await store.session(known.session) == known
    assert await store.update_session(amended, unless_ended=False)
    assert await store.session(new.session) == amended


async def test_a_list_is_newest_first_and_paged(store: PacketStore) -> None:
    recorded = [capture(second) for second in (3, 0, 4, 1, 2)]
    for one in recorded:
        await store.insert_session(one, "")
    newest = sorted(recorded, key=lambda one: one.session, reverse=True)
    listed: list[Capture] = []
    cursor = None
    for size in (2, 2, 1):
        page, cursor = await store.list_sessions(SessionQuery(limit=2, cursor=cursor))
        assert len(page) == size
        listed += page
    assert listed == newest
    assert cursor is None


async def test_captures_of_the_same_moment_are_paged_by_name(store: PacketStore) -> None:
    for service in ("a", "b", "c"):
        await store.insert_session(capture(0, service=service), "")
    first, cursor = await store.list_sessions(SessionQuery(limit=1))
    rest, none = await store.list_sessions(SessionQuery(limit=5, cursor=cursor))
    assert [one.service for one in first + rest] == ["c", "b", "a"]
    assert none is None


async def test_a_new_capture_does_not_shift_the_next_page(store: PacketStore) -> None:
    for second in range(4):
        await store.insert_session(capture(second), "")
    _, cursor = await store.list_sessions(SessionQuery(limit=2))
    await store.insert_session(capture(9), "")
    rest, _ = await store.list_sessions(SessionQuery(limit=2, cursor=cursor))
    assert [one.session for one in rest] == [session_at(1), session_at(0)]


@pytest.mark.parametrize(
    "cursor", ["", "x", "!!", "LjA=", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OS5h", "\x00", "ü"]
)
async def test_a_foreign_cursor_is_refused(store: PacketStore, cursor: str) -> None:
    with pytest.raises(ValueError, match="cursor must be"):
        await store.list_sessions(SessionQuery(cursor=cursor))


async def test_a_list_is_narrowed_by_state_resource_and_service(store: PacketStore) -> None:
    web, db = capture(0), capture(1, resource="db-1", service="sql")
    other = capture(2, service="dns")
    for one in (web, db, other):
        await store.insert_session(one, "")
    await store.update_session(ended(web, 5))

    async def listed(query: SessionQuery) -> list[str]:
        return [one.session for one in (await store.list_sessions(query))[0]]

    assert await listed(SessionQuery(state=TaskState.STOPPED)) == [web.session]
    assert await listed(SessionQuery(resource="web-1")) == [other.session, web.session]
    assert await listed(SessionQuery(service="sql")) == [db.session]
    assert await listed(SessionQuery(resource="db-1", service="dns")) == []


async def test_open_captures_are_those_that_have_not_ended(store: PacketStore) -> None:
    one, two, three = capture(0), capture(1, resource="db-1"), capture(2)
    for new in (one, two, three):
        await store.insert_session(new, "")
    await store.update_session(ended(one, 5))
    assert await store.open_sessions() == [three, two]
    assert await store.open_sessions("web-1") == [three]
    assert await store.open_sessions("nobody") == []


async def test_a_resource_is_known_by_its_captures(store: PacketStore) -> None:
    await store.insert_session(capture(), "")
    assert await store.knows_resource("web-1")
    assert not await store.knows_resource("web-2")


async def test_ended_captures_come_oldest_end_first(store: PacketStore) -> None:
    late, early, running = capture(0), capture(1), capture(2)
    for new in (late, early, running):
        await store.insert_session(new, "")
    late_end, early_end = ended(late, 20), ended(early, 10)
    await store.update_session(late_end)
    await store.update_session(early_end)
    assert await store.oldest_ended(5) == [early_end, late_end]
    assert await store.oldest_ended(1) == [early_end]
    assert await store.ended_before(EPOCH + timedelta(seconds=20), 5) == [early_end]
    assert await store.ended_before(EPOCH + timedelta(seconds=21), 1) == [early_end]
    assert await store.ended_before(EPOCH + timedelta(seconds=10), 5) == []


async def test_an_ended_capture_without_a_time_counts_from_its_request(
    store: PacketStore,
) -> None:
    new = capture(3)
    await store.insert_session(new, "")
    failed = new.model_copy(update={"state": TaskState.FAILED})
    await store.update_session(failed)
    assert await store.oldest_ended(5) == [failed]
    assert await store.open_sessions() == []


async def test_bytes_are_summed_over_all_captures(store: PacketStore) -> None:
    assert await store.total_bytes() == 0
    for second, size in ((0, 3_000_000_000), (1, 4)):
        new = capture(second)
        await store.insert_session(new, "")
        await store.update_session(ended(new, 5, size=size))
    assert await store.total_bytes() == 3_000_000_004


async def test_a_deleted_record_is_gone_and_its_name_free(store: PacketStore) -> None:
    new = capture()
    await store.insert_session(new, "")
    assert await store.delete_session(new.session)
    assert await store.session(new.session) is None
    assert not await store.delete_session(new.session)
    await store.insert_session(new, "")
