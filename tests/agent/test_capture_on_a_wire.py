"""Captures of real packets on a veth pair."""

import asyncio
import re
import struct

from contracts.order import Limits
from contracts.task import StopReason, TaskState
from tests.agent.rig import Rig, order
from tests.agent.wire import Wire
from tests.support.wait import until


async def _send(wire: Wire, count: int, **how: object) -> None:
    await asyncio.to_thread(wire.send, count, **how)  # type: ignore[arg-type]


async def test_a_burst_is_captured_whole(rig: Rig, wire: Wire) -> None:
    wanted = order(wire.near)
    await rig.desk.run(wanted)
    await _send(wire, 20_000)
    ended = await rig.desk.stop(wanted)
    assert ended.ledger.seen == 20_000
    assert ended.ledger.closes()
    assert len(await rig.packets(wanted)) == ended.ledger.stored


async def test_a_vlan_tag_is_where_it_was_on_the_wire(rig: Rig, wire: Wire) -> None:
    wanted = order(wire.near)
    await rig.desk.run(wanted)
    await _send(wire, 3, vlan=42)
    await rig.desk.stop(wanted)
    packets = await rig.packets(wanted)
    assert [(packet.length, len(packet.data)) for packet in packets] == [(204, 204)] * 3
    assert all(packet.data[12:18] == struct.pack("!HHH", 0x8100, 42, 0x88B5) for packet in packets)


async def test_a_tagged_packet_is_cut_to_the_snap_length_all_the_same(rig: Rig, wire: Wire) -> None:
    wanted = order(wire.near, snaplen=64)
    await rig.desk.run(wanted)
    await _send(wire, 1, vlan=42)
    await rig.desk.stop(wanted)
    assert [(len(p.data), p.length) for p in await rig.packets(wanted)] == [(64, 204)]


async def test_a_filter_for_a_vlan_finds_its_packets_and_no_others(rig: Rig, wire: Wire) -> None:
    wanted = order(wire.near, filter="vlan 42")
    await rig.desk.run(wanted)
    await _send(wire, 2)
    await _send(wire, 3, vlan=42)
    await _send(wire, 4, vlan=43)
    ended = await rig.desk.stop(wanted)
    assert ended.ledger.stored == 3


async def test_kernel_drops_are_counted_exactly(idle_rig: Rig, wire: Wire) -> None:
    await idle_rig.start(ring=1 << 20)
    wanted = order(wire.near)
    await idle_rig.desk.run(wanted)
    await _send(wire, 300_000)
    ended = await idle_rig.desk.stop(wanted)
    ledger = ended.ledger
    assert ledger.dropped_kernel > 0, "the ring was large enough, so nothing is shown"
    assert ledger.seen == 300_000
    assert ledger.captured + ledger.dropped_kernel == 300_000
    assert ledger.closes()
    blocks = await idle_rig.blocks(wanted)
    assert blocks[-1].dropped == ledger.dropped_kernel
    assert blocks[-1].next == ledger.stored


async def test_a_limit_under_load_is_exact(rig: Rig, wire: Wire) -> None:
    wanted = order(wire.near, limits=Limits(packets=5000))
    await rig.desk.run(wanted)
    await _send(wire, 20_000)
    ended = await rig.desk.ended(wanted)
    assert ended.stop_reason is StopReason.PACKETS
    assert (ended.ledger.captured, ended.ledger.stored) == (5000, 5000)
    assert ended.ledger.beyond_limit > 0
    assert ended.ledger.closes(), ended.ledger


async def test_a_stop_under_load_closes_the_ledger(rig: Rig, wire: Wire) -> None:
    wanted = order(wire.near)
    await rig.desk.run(wanted)
    sending = asyncio.create_task(_send(wire, 400_000, rate="200000pps"))
    await until(lambda: rig.store.inserts)
    ended = await rig.desk.stop(wanted)
    assert not sending.done(), "the stop came after the load, so nothing is shown"
    await sending
    assert 0 < ended.ledger.seen < 400_000
    assert ended.ledger.closes(), ended.ledger


async def test_an_interface_that_goes_down_fails_its_capture_and_no_other(
    rig: Rig, wire: Wire
) -> None:
    wanted, other = order(wire.near), order("lo", filter="udp port 9")
    await rig.desk.run(wanted)
    await rig.desk.run(other)
    await _send(wire, 10)
    wire.down()
    ended = await rig.desk.ended(wanted, timeout=30)
    assert (ended.state, ended.stop_reason) == (TaskState.FAILED, StopReason.ERROR)
    assert ended.error is not None
    assert ended.error.code == "interface-down"
    assert wire.near in ended.error.detail
    assert ended.ledger.stored == 10
    assert ended.ledger.closes()
    assert (await rig.desk.stop(other)).state is TaskState.STOPPED


async def test_an_interface_that_is_deleted_fails_its_capture(rig: Rig, wire: Wire) -> None:
    wanted = order(wire.near)
    await rig.desk.run(wanted)
    wire.delete()
    ended = await rig.desk.ended(wanted, timeout=30)
    assert ended.state is TaskState.FAILED
    assert re.search("down or gone", ended.error.detail if ended.error else "")


async def test_a_service_that_is_not_there_fails_with_what_is_there(rig: Rig) -> None:
    ended = await rig.desk.run(order("nothing"))
    assert ended.state is TaskState.FAILED
    assert ended.error is not None
    assert ended.error.code == "unknown-service"
    assert "lo" in ended.error.detail
