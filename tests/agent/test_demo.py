"""The service that needs no right to capture."""

from contracts.task import StopReason, TaskState
from services.agent.demomaker import demo
from services.agent.services import DEMO_FILE
from services.packets.capturefile import open_capture
from services.packets.summary import summarise
from tests.agent.rig import Rig, order
from tests.support.wait import until


def test_the_recording_is_what_its_maker_makes() -> None:
    assert DEMO_FILE.read_bytes() == demo()


def test_the_recording_shows_what_a_network_carries() -> None:
    with open_capture(DEMO_FILE) as packets:
        protocols = {summarise(packet.data, packet.linktype).protocol for packet in packets}
    assert {"ARP", "DNS", "HTTP", "ICMP", "ICMPv6", "TCP", "UDP"} <= protocols
    assert any(protocol.startswith("TLS") for protocol in protocols)


async def test_a_demo_capture_shows_packets_at_once_and_goes_on(rig: Rig) -> None:
    wanted = order("demo", filter="udp port 53 or icmp")
    running = await rig.desk.run(wanted)
    assert running.interface == "replay:demo.pcapng"
    first = (await until(lambda: rig.packets(wanted)))[0]
    assert running.started_at is not None
    assert abs(first.ts / 1e9 - running.started_at.timestamp()) < 15
    ended = await rig.desk.stop(wanted)
    assert (ended.state, ended.stop_reason) == (TaskState.STOPPED, StopReason.REQUESTED)
    assert ended.ledger.closes()
