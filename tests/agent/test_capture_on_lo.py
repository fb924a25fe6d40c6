"""Captures of real packets on loopback."""

from pathlib import Path

from contracts.order import Limits
from contracts.task import StopReason, TaskState
from tests.agent.rig import Rig, order
from tests.support.traffic import Traffic
from tests.support.wait import until


async def test_a_capture_runs_stores_every_packet_once_and_its_ledger_closes(rig: Rig) -> None:
    async with Traffic() as traffic:
        wanted = order("lo", filter=traffic.filter)
        running = await rig.desk.run(wanted)
        assert (running.state, running.interface, running.linktype) == (TaskState.RUNNING, "lo", 1)
        traffic.send(500)
        await until(lambda: rig.store.inserts)
        ended = await rig.desk.stop(wanted)
    packets = await rig.packets(wanted)
    assert traffic.numbers(packet.data for packet in packets) == list(range(500))
    assert ended.state is TaskState.STOPPED
    assert ended.stop_reason is StopReason.REQUESTED
    assert ended.ledger.closes(), ended.ledger
    assert (ended.ledger.seen, ended.ledger.stored) == (500, 500)
    assert rig.desk.states(wanted)[0] is TaskState.RUNNING


async def test_a_stop_right_after_the_last_packet_loses_none(rig: Rig) -> None:
    async with Traffic() as traffic:
        wanted = order("lo", filter=traffic.filter)
        await rig.desk.run(wanted)
        traffic.send(50)
        ended = await rig.desk.stop(wanted)
    assert len(await rig.packets(wanted)) == 50
    assert ended.ledger.closes()


async def test_a_limit_of_packets_is_exact_and_what_was_beyond_it_is_counted(rig: Rig) -> None:
    async with Traffic() as traffic:
        wanted = order("lo", filter=traffic.filter, limits=Limits(packets=30))
        await rig.desk.run(wanted)
        traffic.send(100)
        ended = await rig.desk.ended(wanted)
    assert ended.stop_reason is StopReason.PACKETS
    assert ended.ledger.captured == ended.ledger.stored == 30
    assert ended.ledger.closes(), ended.ledger


async def test_a_limit_of_bytes_is_never_passed(rig: Rig) -> None:
    async with Traffic(size=100) as traffic:
        wanted = order("lo", filter=traffic.filter, limits=Limits(bytes=1000))
        await rig.desk.run(wanted)
        traffic.send(100)
        ended = await rig.desk.ended(wanted)
    assert ended.stop_reason is StopReason.BYTES
    assert ended.ledger.bytes == 7 * 142
    assert ended.ledger.closes(), ended.ledger


async def test_a_limit_of_seconds_ends_a_silent_capture(rig: Rig) -> None:
    wanted = order("lo", filter="udp port 9", limits=Limits(seconds=1))
    await rig.desk.run(wanted)
    ended = await rig.desk.ended(wanted, timeout=30)
    assert (ended.stop_reason, ended.ledger.captured) == (StopReason.SECONDS, 0)


async def test_the_agent_tells_the_filter_and_the_length_of_the_service(
    idle_rig: Rig, tmp_path: Path
) -> None:
    services = tmp_path / "services.toml"
    services.write_text('[services.dns]\ninterface = "lo"\nfilter = "port 53"\nsnaplen = 64\n')
    await idle_rig.start(services=services)
    status = await idle_rig.desk.run(order("dns", filter="udp"))
    assert status.watched() == {
        "interface": "lo", "linktype": 1, "service_filter": "port 53", "service_snaplen": 64
    }  # fmt: skip


async def test_the_smaller_snap_length_holds_and_the_length_on_the_wire_stays(rig: Rig) -> None:
    async with Traffic(size=100) as traffic:
        wanted = order("lo", filter=traffic.filter, snaplen=60)
        await rig.desk.run(wanted)
        traffic.send(3)
        await rig.desk.stop(wanted)
    packets = await rig.packets(wanted)
    assert [(packet.length, len(packet.data)) for packet in packets] == [(142, 60)] * 3
