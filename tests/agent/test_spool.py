"""The disk spool, with a whole agent: away and back, and across the agent's own end."""

import asyncio
import re
import stat
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2
import pytest

from contracts.order import Limits, Order
from contracts.spool import Spool
from contracts.task import StopReason, TaskState
from services.agent import agent
from services.agent.spool.folder import SpoolFolder
from services.runtime.errors import BadSetting
from tests.agent.bad_sector import bad_page, fails
from tests.agent.rig import Rig, order
from tests.agent.wire import Wire
from tests.servers.ports import free_ports
from tests.support.numbered import payload
from tests.support.traffic import Traffic
from tests.support.wait import until


async def test_what_waits_goes_to_disk_and_is_stored_in_order_while_new_packets_come(
    rig: Rig,
) -> None:
    async with Traffic() as traffic:
        wanted = order("lo", filter=traffic.filter)
        await rig.desk.run(wanted)
        rig.store.away = True
        traffic.send(100)
        await until(lambda: _spool(rig, wanted).packets == 100)
        traffic.start(500)
        await until(lambda: _spool(rig, wanted).packets > 300)
        rig.store.away = False
        await until(lambda: (_spool(rig, wanted).packets, _spool(rig, wanted).bytes) == (0, 0))
        await traffic.stop()
        ended = await rig.desk.stop(wanted)
        numbers = traffic.numbers(packet.data for packet in await rig.packets(wanted))
    assert numbers == list(range(traffic.sent))
    assert (ended.ledger.stored, ended.ledger.dropped_agent) == (traffic.sent, 0)
    assert ended.ledger.closes()
    assert _files(rig) == []


async def test_while_the_endpoint_is_well_nothing_is_written_to_disk(rig: Rig) -> None:
    async with Traffic() as traffic:
        wanted = order("lo", filter=traffic.filter)
        await rig.desk.run(wanted)
        traffic.send(1000)
        ended = await rig.desk.stop(wanted)
    assert ended.ledger.stored == 1000
    assert list((rig.folder / "agent" / "spool").iterdir()) == []


async def test_a_file_of_the_spool_is_private_and_wireshark_opens_it(rig: Rig) -> None:
    async with Traffic() as traffic:
        wanted = order("lo", filter=traffic.filter)
        await rig.desk.run(wanted)
        rig.store.away = True
        traffic.send(50)
        await until(lambda: _spool(rig, wanted).packets == 50)
        (path,) = _files(rig)
        private = (path, path.parent, path.parent.parent)
        modes = [stat.S_IMODE(one.stat().st_mode) for one in private]
        read = ["tshark", "-r", str(path), "-T", "fields", "-e", "udp.dstport"]
        shown = subprocess.run(read, capture_output=True, text=True, check=True).stdout.split()
        assert shown == [str(traffic.port)] * 50
    assert path.name == "0000.pcapng"
    assert path.parent.name == wanted.session
    assert modes == [0o600, 0o700, 0o700]


async def test_full_means_the_newest_are_dropped_and_counted_to_the_packet(
    idle_rig: Rig, wire: Wire
) -> None:
    await idle_rig.start(backlog=1 << 20, spool=2 << 20)
    wanted = order(wire.near)
    await idle_rig.desk.run(wanted)
    idle_rig.store.away = True
    await asyncio.to_thread(wire.send, 40_000)
    await until(lambda: _spool(idle_rig, wanted).dropped > 0)
    full = _spool(idle_rig, wanted)
    assert full.bytes + full.room == 2 << 20
    idle_rig.store.away = False
    await until(lambda: not _spool(idle_rig, wanted).bytes)
    await asyncio.to_thread(wire.send, 10)
    ended = await idle_rig.desk.stop(wanted)
    blocks = await idle_rig.blocks(wanted)
    assert [block.block for block in blocks] == list(range(len(blocks)))
    lost = sum(after.first - before.next for before, after in pairwise(blocks))
    assert ended.spool is not None
    assert lost == ended.ledger.dropped_agent == ended.spool.dropped
    assert blocks[-1].next == ended.ledger.captured
    # Where others have the processor, the kernel may find no room in the ring either.
    assert ended.ledger.captured + ended.ledger.dropped_kernel == 40_010
    assert ended.ledger.closes()


async def test_an_agent_killed_while_the_endpoint_was_away_stores_what_was_flushed(
    rig: Rig,
) -> None:
    async with Traffic() as traffic:
        wanted = order("lo", filter=traffic.filter)
        await rig.desk.run(wanted)
        traffic.send(20)
        await until(lambda: _stored(rig, wanted) == 20)
        rig.store.away = True
        traffic.send(100)
        await until(lambda: _spool(rig, wanted).packets == 100)
        await rig.kill()
        traffic.send(7)
        rig.desk.reports.clear()
        await rig.start()
        await until(lambda: rig.desk.states(wanted) == [TaskState.STOPPING])
        rig.store.away = False
        ended = await rig.desk.ended(wanted)
        numbers = traffic.numbers(packet.data for packet in await rig.packets(wanted))
    assert numbers == list(range(120))
    assert (ended.state, ended.stop_reason) == (TaskState.STOPPED, StopReason.AGENT_RESTARTED)
    assert ended.error is not None
    assert "from packet 120 on is unknown" in ended.error.detail
    assert (ended.ledger.captured, ended.ledger.stored) == (120, 120)
    assert ended.ledger.closes()
    assert rig.desk.states(wanted) == [TaskState.STOPPING, TaskState.STOPPED]
    assert _files(rig) == []


async def test_after_a_restart_counters_begin_anew_and_the_captures_own_ledger_goes_on(
    idle_rig: Rig,
) -> None:
    rig, (port,) = idle_rig, free_ports(1)
    await rig.start(agent_port=port, backlog=1 << 20, spool=1 << 20)
    async with Traffic(size=1000) as traffic:
        wanted = order("lo", filter=traffic.filter)
        await rig.desk.run(wanted)
        traffic.send(20)
        await until(lambda: '"stored":20' in _journal(rig))
        rig.store.away = True
        traffic.start(5000, burst=50)
        await until(lambda: _spool(rig, wanted).dropped > 100)
        await traffic.stop()
        await until(lambda: f'"seen":{traffic.sent}' in _journal(rig))
        before = _spool(rig, wanted)
        await rig.kill()
        rig.store.away = False
        await rig.start(agent_port=port)
        ended = await rig.desk.ended(wanted)
    shown = await _counters(port)
    assert ended.spool is not None
    assert ended.spool.dropped == before.dropped
    assert ended.ledger.captured == traffic.sent
    assert ended.ledger.closes()
    assert shown["ledger_captured"] == shown["ledger_seen"] == shown["spool_dropped_packets"] == 0
    assert shown["ledger_stored"] == ended.ledger.stored - 20 > 0


async def test_a_limit_reached_while_the_endpoint_is_away_is_the_reason_across_a_restart(
    rig: Rig,
) -> None:
    async with Traffic() as traffic:
        wanted = order("lo", filter=traffic.filter, limits=Limits(seconds=60, packets=30))
        await rig.desk.run(wanted)
        rig.store.away = True
        traffic.send(40)
        await until(lambda: _spool(rig, wanted).packets == 30)
        await until(lambda: TaskState.STOPPING in rig.desk.states(wanted))
        await until(lambda: '"sealed":true' in _journal(rig))
        await rig.kill()
        await rig.start()
        rig.store.away = False
        ended = await rig.desk.ended(wanted)
    assert (ended.state, ended.stop_reason) == (TaskState.STOPPED, StopReason.PACKETS)
    assert ended.error is None
    assert (ended.ledger.stored, ended.ledger.beyond_limit) == (30, 10)
    assert ended.ledger.closes()


async def test_the_spool_outlives_a_journal_that_cannot_be_read(rig: Rig) -> None:
    async with Traffic() as traffic:
        wanted = order("lo", filter=traffic.filter)
        await rig.desk.run(wanted)
        rig.store.away = True
        traffic.send(30)
        await until(lambda: _spool(rig, wanted).packets == 30)
        await rig.kill()
        (rig.folder / "agent" / "journal" / f"{wanted.task_id}.json").write_text("{torn")
        rig.store.away = False
        await rig.start()
        ended = await rig.desk.ended(wanted)
    assert ended.stop_reason is StopReason.AGENT_RESTARTED
    assert (ended.ledger.captured, ended.ledger.stored) == (30, 30)
    assert len(await rig.packets(wanted)) == 30


async def test_what_is_torn_or_flipped_is_lost_alone_and_counted(rig: Rig) -> None:
    async with Traffic() as traffic:
        wanted = order("lo", filter=traffic.filter)
        await rig.desk.run(wanted)
        rig.store.away = True
        for _ in range(3):
            traffic.send(10)
            await until(lambda: _spool(rig, wanted).packets == traffic.sent)
        (path,) = _files(rig)
        data = bytearray(path.read_bytes())
        data[data.index(b"." * 20, len(data) // 2)] ^= 1  # in the second block's packets
        path.write_bytes(data[:-20])  # and the third is torn
        rig.store.away = False
        await until(lambda: _spool(rig, wanted).damaged == 20)
        traffic.send(5)
        ended = await rig.desk.stop(wanted)
        numbers = traffic.numbers(packet.data for packet in await rig.packets(wanted))
    assert numbers == [*range(10), *range(30, 35)]
    assert (ended.ledger.stored, ended.ledger.dropped_agent) == (15, 20)
    assert ended.ledger.closes()


async def test_links_and_foreign_files_are_ignored_and_reported(rig: Rig) -> None:
    spool = rig.folder / "agent" / "spool"
    async with Traffic() as traffic:
        wanted = order("lo", filter=traffic.filter)
        await rig.desk.run(wanted)
        rig.store.away = True
        traffic.send(10)
        await until(lambda: _spool(rig, wanted).packets == 10)
        await rig.kill()
        (spool / "notes.txt").write_text("mine")
        (spool / "a.b.20260101000000").symlink_to("/etc")
        (spool / wanted.session / "0001.pcapng").symlink_to("/etc/passwd")
        (spool / wanted.session / "9999.pcapng").mkdir()
        spool.chmod(0o755)
        rig.store.away = False
        await rig.start()
        ended = await rig.desk.ended(wanted)
    assert ended.ledger.stored == 10
    assert stat.S_IMODE(spool.stat().st_mode) == 0o700
    assert (spool / "notes.txt").read_text() == "mine"
    assert (spool / wanted.session / "0001.pcapng").is_symlink()


def test_a_spool_that_is_a_link_or_a_file_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/tmp")
    (tmp_path / "file").write_text("")
    for name in ("link", "file"):
        with pytest.raises(BadSetting, match=rf"CAPFLOW_DATA: cannot use .*/{name}"):
            SpoolFolder(tmp_path / name, 1).prepare()


async def test_a_disk_that_fails_costs_nothing_while_memory_lasts(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    async with Traffic() as traffic:
        wanted = order("lo", filter=traffic.filter)
        await rig.desk.run(wanted)
        with monkeypatch.context() as patched:
            patched.setattr("os.pwritev", full)
            rig.store.away = True
            traffic.send(100)
            await until(lambda: _spool(rig, wanted).oldest > 1)
            assert _spool(rig, wanted).packets == 0
        await until(lambda: _spool(rig, wanted).packets == 100)
        rig.store.away = False
        ended = await rig.desk.stop(wanted)
    assert (ended.ledger.stored, ended.ledger.dropped_agent) == (100, 0)


async def test_a_disk_that_dies_costs_what_it_does_not_give_back_and_no_more(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One page cannot be read, and nothing can be flushed."""
    async with Traffic() as traffic:
        wanted = order("lo", filter=traffic.filter)
        await rig.desk.run(wanted)
        rig.store.away = True
        for _ in range(3):
            traffic.send(100)
            await until(lambda: _spool(rig, wanted).packets == traffic.sent)
        (path,) = _files(rig)
        page = path.read_bytes().index(payload(traffic.run, 150, traffic.size)) // 4096
        with monkeypatch.context() as patched:
            patched.setattr("os.pread", bad_page(page))
            patched.setattr("os.fdatasync", fails)
            traffic.send(100)
            await until(lambda: _spool(rig, wanted).packets == 400)
            rig.store.away = False
            await until(lambda: not _spool(rig, wanted).bytes)
            traffic.send(5)
            ended = await rig.desk.stop(wanted)
        numbers = traffic.numbers(packet.data for packet in await rig.packets(wanted))
    assert 150 not in numbers
    assert numbers == sorted(set(numbers))
    assert {*range(100), *range(200, 405)} <= set(numbers)
    assert ended.spool is not None
    assert ended.spool.damaged == ended.ledger.dropped_agent == 405 - len(numbers)
    assert ended.ledger.closes()


async def test_an_agent_that_is_stopped_again_and_again_loses_nothing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent, "STORING_SECONDS", 0.3)
    async with Traffic() as traffic:
        wanted = order("lo", filter=traffic.filter)
        await rig.desk.run(wanted)
        rig.store.away = True
        traffic.send(60)
        await until(lambda: rig.store.inserts)
        for _ in range(3):
            await rig.stop()
            await rig.start()
        rig.store.away = False
        ended = await rig.desk.ended(wanted)
    assert (ended.stop_reason, ended.error) == (StopReason.AGENT_SHUTDOWN, None)
    assert (ended.ledger.stored, ended.ledger.dropped_agent) == (60, 0)
    assert ended.ledger.closes()


def _spool(rig: Rig, wanted: Order) -> Spool:
    report = rig.desk.report(wanted)
    return (report.spool if report else None) or Spool()


def _stored(rig: Rig, wanted: Order) -> int:
    report = rig.desk.report(wanted)
    return report.ledger.stored if report else 0


async def _counters(port: int) -> dict[str, float]:
    async with httpx2.AsyncClient(timeout=5) as client:
        text = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    found = re.findall(r"^capflow_agent_(\w+)_total ([0-9.e+]+)$", text, re.MULTILINE)
    return {name: float(value) for name, value in found}


def _files(rig: Rig) -> list[Path]:
    return sorted((rig.folder / "agent" / "spool").glob("*/*.pcapng"))


def _journal(rig: Rig) -> str:
    return "".join(path.read_text() for path in (rig.folder / "agent" / "journal").glob("*.json"))
