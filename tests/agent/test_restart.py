"""A task runs at most once, whatever happens to the agent."""

from pathlib import Path

import pytest

from contracts.order import Order
from contracts.task import StopReason, TaskState
from services.agent.identity import FILE, IdentityFile
from services.agent.journal import Journal
from services.runtime.errors import BadSetting
from tests.agent.desk import found
from tests.agent.rig import Rig, order
from tests.support.traffic import Traffic
from tests.support.wait import until


async def test_a_task_that_ran_when_the_agent_died_has_ended_and_does_not_run_again(
    rig: Rig,
) -> None:
    async with Traffic() as traffic:
        wanted = order("lo", filter=traffic.filter)
        await rig.desk.run(wanted)
        traffic.send(100)
        await until(lambda: _stored(rig, wanted) == 100)
        await until(lambda: _journalled(rig, 100))
        await rig.kill()
        before = rig.desk.keepalives[-1]
        rig.desk.reports.clear()
        await rig.start()
        ended = await rig.desk.ended(wanted)
        traffic.send(100)
    assert (ended.state, ended.stop_reason) == (TaskState.STOPPED, StopReason.AGENT_RESTARTED)
    assert ended.error is not None
    assert "from packet 100 on is unknown" in ended.error.detail
    assert (ended.ledger.captured, ended.ledger.stored) == (100, 100)
    assert ended.ledger.closes()
    after = await found(lambda: next((k for k in rig.desk.keepalives if k.boot == 2), None))
    assert (after.agent_id, after.boot) == (before.agent_id, before.boot + 1)
    await until(lambda: rig.desk.listed(wanted))
    assert len(await rig.packets(wanted)) == 100
    assert rig.desk.states(wanted) == [TaskState.STOPPED]


async def test_it_is_listed_until_it_is_off_the_list_and_then_forgotten(rig: Rig) -> None:
    wanted = order("lo", filter="udp port 9")
    await rig.desk.run(wanted)
    await rig.kill()
    await rig.start()
    await until(lambda: _ended_entry(rig, wanted))
    await rig.desk.unwant(wanted)
    await until(lambda: rig.desk.listed(wanted) is None)
    assert list((rig.folder / "agent" / "journal").iterdir()) == []


async def test_it_is_not_forgotten_while_the_dispatcher_does_not_say_that_it_knows(
    rig: Rig,
) -> None:
    rig.desk.acknowledges = False
    wanted = order("lo", filter="udp port 9")
    await rig.desk.run(wanted)
    await rig.desk.stop(wanted)
    await until(lambda: _ended_entry(rig, wanted))
    count = len(rig.desk.keepalives)
    await until(lambda: len(rig.desk.keepalives) > count + 3)
    assert _ended_entry(rig, wanted)
    rig.desk.acknowledges = True
    await until(lambda: rig.desk.listed(wanted) is None)


async def test_a_journal_that_cannot_be_read_still_keeps_its_task_from_running(rig: Rig) -> None:
    wanted = order("lo", filter="udp port 9")
    await rig.stop()
    (rig.folder / "agent" / "journal" / f"{wanted.task_id}.json").write_text("{torn")
    await rig.desk.want(wanted)
    await rig.start()
    ended = await rig.desk.ended(wanted)
    assert (ended.state, ended.stop_reason) == (TaskState.STOPPED, StopReason.AGENT_RESTARTED)


async def test_foreign_files_in_the_journal_are_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    (folder / f"{order('lo').task_id}.json").symlink_to("/etc/passwd")
    assert Journal(folder).open() == ({}, set())
    assert (folder / "notes.txt").exists()


async def test_a_journal_that_cannot_be_written_fails_the_capture_and_not_the_agent(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Journal, "keep", full)
        ended = await rig.desk.run(order("lo"))
    assert ended.state is TaskState.FAILED
    assert "No space left" in (ended.error.detail if ended.error else "")
    again = await rig.desk.run(order("lo", filter="udp port 9"))
    assert again.state is TaskState.RUNNING


async def test_a_list_that_comes_again_or_is_old_starts_nothing_twice(rig: Rig) -> None:
    wanted = order("lo", filter="udp port 9")
    await rig.desk.run(wanted)
    old = rig.desk.wanted()
    await rig.desk.push(old)
    await rig.desk.stop(wanted)
    await rig.desk.accepted()
    await rig.desk.push(old)
    count = len(rig.desk.keepalives)
    await until(lambda: len(rig.desk.keepalives) > count + 3)
    assert rig.desk.states(wanted).count(TaskState.RUNNING) == 1
    assert rig.desk.states(wanted)[-1] is TaskState.STOPPED


def test_an_agent_is_the_same_after_a_restart_and_counts_its_starts(tmp_path: Path) -> None:
    first = IdentityFile(tmp_path).open()
    first.accept(7)
    first.close()
    second = IdentityFile(tmp_path).open()
    second.close()
    assert second.identity.agent_id == first.identity.agent_id
    assert (second.identity.boot, second.identity.revision) == (2, 7)


def test_two_agents_cannot_share_a_folder(tmp_path: Path) -> None:
    first = IdentityFile(tmp_path).open()
    with pytest.raises(BadSetting, match="another agent runs"):
        IdentityFile(tmp_path).open()
    first.close()
    IdentityFile(tmp_path).open().close()


def test_an_identity_that_cannot_be_read_is_told_and_not_made_anew(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("{}")
    with pytest.raises(BadSetting, match=r"identity\.json cannot be read; remove it"):
        IdentityFile(tmp_path).open()


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadSetting, match="CAPFLOW_DATA: cannot use"):
        IdentityFile(tmp_path / "file" / "agent").open()


def _stored(rig: Rig, wanted: Order) -> int:
    report = rig.desk.report(wanted)
    return report.ledger.stored if report else 0


def _journalled(rig: Rig, stored: int) -> bool:
    files = (rig.folder / "agent" / "journal").glob("*.json")
    return any(f'"stored":{stored}' in path.read_text() for path in files)


def _ended_entry(rig: Rig, wanted: Order) -> bool:
    entry = rig.desk.listed(wanted)
    return entry is not None and entry.state.ended
