"""Stored packets, as summaries and as a file."""

import shutil
import struct
import subprocess
from pathlib import Path

import httpx2
import pytest
import structlog

from contracts.block import Block
from contracts.ledger import Ledger
from contracts.task import Capture
from services.gateway import summaries
from services.gateway.metrics import Metrics
from services.gateway.problems import Refused
from services.gateway.streaming import Slots
from services.packets.pcapng import enhanced_packet
from tests.gateway.world import World
from tests.support.wait import until

SECOND = 1_000_000_000
BASE = 1_795_384_502 * SECOND


def udp(number: int, port: int = 53_000) -> bytes:
    """An Ethernet frame with a UDP datagram from 10.0.0.1 to port `port` of 10.0.0.2."""
    payload = f"packet {number}".encode()
    datagram = struct.pack(">HHHH", 40_000, port, 8 + len(payload), 0) + payload
    header = struct.pack(
        ">BBHHHBBH4s4s", 0x45, 0, 20 + len(datagram), number & 0xFFFF, 0, 64, 17, 0,
        bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2]),
    )  # fmt: skip
    return b"\x02" * 6 + b"\x04" * 6 + b"\x08\x00" + header + datagram


def block(session: str, number: int, first: int, count: int, port: int = 53_000) -> Block:
    """A block of `count` packets, a millisecond apart."""
    packets = [udp(first + index, port) for index in range(count)]
    times = [BASE + (first + index) * 1_000_000 for index in range(count)]
    framed = [enhanced_packet(ts, p, len(p)) for ts, p in zip(times, packets, strict=True)]
    size = sum(map(len, packets))
    data = b"".join(framed)
    return Block(session, number, first, count, times[0], times[-1], size, 0, data)


async def capture_of(world: World, *blocks: tuple[int, int]) -> Capture:
    """An ended capture whose blocks begin at these packets and hold so many."""
    started = await world.start()
    session = started["session"]
    stored = [block(session, n, first, count) for n, (first, count) in enumerate(blocks)]
    await world.store.insert_blocks(stored)
    packets, size = sum(b.count for b in stored), sum(b.size for b in stored)
    captured = stored[-1].next if stored else 0
    ledger = Ledger(
        seen=captured + 2, captured=captured, dropped_kernel=2, dropped_agent=captured - packets,
        stored=packets, blocks=len(stored), bytes=size,
    )  # fmt: skip
    return await world.dispatcher.ends(started["task_id"], ledger=ledger, linktype=1)


async def test_packets_come_with_number_time_length_and_what_they_are(gateway: World) -> None:
    session = (await capture_of(gateway, (0, 3))).session
    page = (await gateway.http.get(f"/v1/captures/{session}/packets")).json()
    assert [item["number"] for item in page["items"]] == [0, 1, 2]
    assert page["next_cursor"] is None
    second = page["items"][1]
    assert second["time"] == "1795384502.001000000"
    assert second["length"] == len(udp(1))
    assert (second["source"], second["destination"]) == ("10.0.0.1:40000", "10.0.0.2:53000")
    assert second["protocol"] == "UDP"
    assert second["info"]


async def test_pages_cover_every_packet_once_across_holes(gateway: World) -> None:
    session = (await capture_of(gateway, (0, 10), (15, 10), (25, 1), (40, 7))).session
    seen: list[int] = []
    cursor = "0"
    while cursor is not None:
        query = {"from": cursor, "limit": "4"}
        page = (await gateway.http.get(f"/v1/captures/{session}/packets", params=query)).json()
        seen += [item["number"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == [*range(10), *range(15, 26), *range(40, 47)]


@pytest.mark.parametrize(
    ("start", "numbers"), [(5, [5, 6]), (12, [15, 16]), (99, []), (2**63 - 1, [])]
)
async def test_a_page_begins_at_the_number_or_the_first_after_it(
    embedded: World, start: int, numbers: list[int]
) -> None:
    session = (await capture_of(embedded, (0, 10), (15, 10))).session
    query = {"from": start, "limit": 2}
    page = (await embedded.http.get(f"/v1/captures/{session}/packets", params=query)).json()
    assert [item["number"] for item in page["items"]] == numbers


async def test_a_filter_picks_packets_and_keeps_their_numbers(embedded: World) -> None:
    session = (await capture_of(embedded, (0, 10))).session
    path = f"/v1/captures/{session}/packets"
    page = (await embedded.http.get(path, params={"filter": "ip[4:2] > 7"})).json()
    assert [item["number"] for item in page["items"]] == [8, 9]
    none = (await embedded.http.get(path, params={"filter": "tcp"})).json()
    assert none == {"items": [], "next_cursor": None}
    bad = await embedded.http.get(path, params={"filter": "tcp port"})
    assert (bad.status_code, bad.json()["field"]) == (422, "filter")


async def test_a_filter_that_little_passes_reads_so_many_blocks_and_no_more(
    embedded: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summaries, "_MOST_BLOCKS", 2)
    session = (await capture_of(embedded, *((n * 10, 10) for n in range(5)))).session
    path = f"/v1/captures/{session}/packets"
    page = (await embedded.http.get(path, params={"filter": "ip[4:2] = 45"})).json()
    assert page == {"items": [], "next_cursor": "20"}
    pages = 0
    while not page["items"]:
        query = {"filter": "ip[4:2] = 45", "from": page["next_cursor"]}
        page = (await embedded.http.get(path, params=query)).json()
        pages += 1
    assert [item["number"] for item in page["items"]] == [45]
    assert pages == 2


async def test_a_damaged_block_does_not_hide_the_rest(embedded: World) -> None:
    session = (await capture_of(embedded, (0, 5))).session
    damaged = Block(session, 1, 5, 5, BASE, BASE, 10, 0, b"\x06\x00\x00\x00 nothing like it")
    await embedded.store.insert_blocks([damaged, block(session, 2, 10, 3)])
    page = await embedded.http.get(f"/v1/captures/{session}/packets")
    assert [i["number"] for i in page.json()["items"]] == [*range(5), *range(10, 13)]


async def test_the_file_holds_every_stored_packet(gateway: World, tmp_path: Path) -> None:
    capture = await capture_of(gateway, *((n * 500, 500) for n in range(7)))
    answer = await gateway.http.get(f"/v1/captures/{capture.session}/pcapng")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-pcapng"
    disposition = f'attachment; filename="{capture.session}.pcapng"'
    assert answer.headers["content-disposition"] == disposition
    lines = _read_by_tshark(answer.content, tmp_path)
    assert len(lines) == 3500
    assert lines[1234] == f"1795384503.234000000\t10.0.0.2\t53000\t{len(udp(1234))}"


async def test_the_file_says_where_how_and_for_whom_it_was_captured_and_what_was_dropped(
    embedded: World, tmp_path: Path
) -> None:
    started = await embedded.start(filter="udp port 53000", snaplen=96)
    session = started["session"]
    await embedded.store.insert_blocks([block(session, 0, 0, 5)])
    ledger = Ledger(seen=12, captured=7, dropped_kernel=4, beyond_limit=1, dropped_agent=2,
                    stored=5, blocks=1, bytes=1)  # fmt: skip
    await embedded.dispatcher.ends(
        started["task_id"], ledger=ledger, linktype=1, interface="eth\x1b[31m0",
        service_filter="host 10.0.0.1", service_snaplen=90,
    )  # fmt: skip
    file = tmp_path / "capture.pcapng"
    file.write_bytes((await embedded.http.get(f"/v1/captures/{session}/pcapng")).content)
    told = subprocess.run(["capinfos", str(file)], capture_output=True, text=True, check=True)
    for text in (
        "Name = eth\\x1b[31m0",
        "Description = service eth0 of web-1",
        "Filter string = (host 10.0.0.1) and (udp port 53000)",
        "Capture length = 90",
        "Number of packets = 5",
        f"session {session}, task {started['task_id']}, asked for by admin",
    ):
        assert text in told.stdout
    assert "\x1b" not in told.stdout
    content = file.read_bytes()
    for code, count in ((4, 12), (5, 4), (8, 5)):  # isb_ifrecv, isb_ifdrop, isb_usrdeliv
        assert struct.pack("<HHQ", code, 8, count) in content
    assert b"stopped: requested; 4 packets dropped by the kernel; 2 by the agent" in content


async def test_the_file_of_an_empty_capture_is_a_file(embedded: World, tmp_path: Path) -> None:
    capture = await capture_of(embedded)
    answer = await embedded.http.get(f"/v1/captures/{capture.session}/pcapng")
    assert _read_by_tshark(answer.content, tmp_path) == []


async def test_the_file_of_a_capture_that_runs_is_what_is_stored_so_far(
    embedded: World, tmp_path: Path
) -> None:
    session = (await embedded.start())["session"]
    await embedded.store.insert_blocks([block(session, 0, 0, 5)])
    answer = await embedded.http.get(f"/v1/captures/{session}/pcapng")
    assert len(_read_by_tshark(answer.content, tmp_path)) == 5


async def test_a_file_that_cannot_be_whole_does_not_end_as_if_it_were(embedded: World) -> None:
    capture = await capture_of(embedded, (0, 5), (5, 5))
    ledger = capture.ledger.model_copy(update={"blocks": 3})
    await embedded.store.update_session(
        capture.model_copy(update={"ledger": ledger}), unless_ended=False
    )
    with structlog.testing.capture_logs() as lines, pytest.raises(httpx2.RemoteProtocolError):
        await embedded.http.get(f"/v1/captures/{capture.session}/pcapng")
    assert "2 of 3 blocks" in str([line for line in lines if line["log_level"] == "error"])


async def test_a_reader_that_goes_away_is_no_error(embedded: World) -> None:
    capture = await capture_of(embedded, *((n * 2000, 2000) for n in range(20)))
    with structlog.testing.capture_logs() as lines:
        async with embedded.http.stream(
            "GET", f"/v1/captures/{capture.session}/pcapng"
        ) as response:
            await anext(response.aiter_bytes())

        async def released() -> bool:
            metrics = (await embedded.http.get("/metrics")).text
            return 'capflow_gateway_streams{kind="export"} 0.0' in metrics

        await until(released)
    assert [line for line in lines if line["log_level"] == "error"] == []


def test_one_file_too_many_is_refused_and_the_next_is_not() -> None:
    slots = Slots("export", 1, Metrics())
    with slots.held(), pytest.raises(Refused) as caught:
        slots.check()
    assert caught.value.code == "too-many-streams"
    slots.check()


async def test_a_capture_in_an_endpoint_that_is_not_set_up_here_says_so(embedded: World) -> None:
    capture = await capture_of(embedded, (0, 5))
    elsewhere = capture.endpoint.model_copy(update={"name": "archive"})
    await embedded.store.update_session(
        capture.model_copy(update={"endpoint": elsewhere}), unless_ended=False
    )
    answer = await embedded.http.get(f"/v1/captures/{capture.session}/pcapng")
    assert (answer.status_code, answer.json()["code"]) == (503, "store-unavailable")
    assert "CAPFLOW_ENDPOINTS" in answer.json()["detail"]


async def test_deleting_a_capture_removes_its_packets(gateway: World) -> None:
    capture = await capture_of(gateway, (0, 5))
    answer = await gateway.http.delete(f"/v1/captures/{capture.session}")
    assert answer.status_code == 204
    assert (await gateway.store.stored(capture.session)).packets == 0


def _read_by_tshark(content: bytes, folder: Path) -> list[str]:
    program = shutil.which("tshark")
    assert program, "tshark is needed: apt-get install tshark"
    file = folder / "capture.pcapng"
    file.write_bytes(content)
    fields = ["frame.time_epoch", "ip.dst", "udp.dstport", "frame.len"]
    command = [program, "-n", "-r", str(file), "-T", "fields"]
    command += [part for field in fields for part in ("-e", field)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()
