"""Capturing from Wireshark: Debian's tshark, the installed plug-in, and the whole flow."""

import asyncio
import os
import subprocess
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers.ports import free_ports
from tests.support.command import clean, outcome
from tests.support.outside import Rest, packets_of_pcapng
from tests.support.stack import ADMIN_KEY, RESOURCE, Stack
from tests.support.traffic import Traffic
from tests.support.tshark import Tshark, interrupt
from tests.support.wait import until

LO = f"capflow-{RESOURCE}.lo"
PREFERENCE = f"extcap.{LO.replace('-', '_').replace('.', '_')}"


@pytest.fixture
async def tshark(embedded: Stack, tmp_path: Path) -> Tshark:
    """tshark with the plug-in for `capflow up`."""
    shark = Tshark(tmp_path)
    await shark.install(embedded)
    return shark


@pytest.fixture
async def up(embedded: Stack) -> AsyncIterator[Rest]:
    """The REST API of `capflow up`, on which nothing is left running."""
    async with Rest(embedded) as rest:
        yield rest
        for capture in await running(rest):
            await rest.stop(capture["session"])
            await rest.ended(capture["task_id"])


async def running(rest: Rest) -> list[dict[str, Any]]:
    """The captures that run."""
    answer = await rest.http.get("/v1/captures", params={"state": "running"})
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def newest(rest: Rest) -> dict[str, Any]:
    """The capture that was started last."""
    answer = await rest.http.get("/v1/captures", params={"limit": 1})
    capture: dict[str, Any] = answer.json()["items"][0]
    return capture


async def ended_in_order(rest: Rest, reason: str = "requested") -> dict[str, Any]:
    """The newest capture, once it has ended for this reason with a ledger that closes."""
    task = await rest.ended((await newest(rest))["task_id"])
    ledger = task["ledger"]
    assert (task["state"], task["stop_reason"]) == ("stopped", reason)
    assert ledger["captured"] == ledger["stored"] + ledger["dropped_agent"]
    return task


async def shows_packets(process: Process, count: int = 1) -> None:
    """Wait until tshark has printed so many packets."""
    assert process.stdout is not None
    for _ in range(count):
        line = await asyncio.wait_for(process.stdout.readline(), 30)
        assert b"UDP" in line, line


async def test_every_service_of_an_online_resource_is_an_interface(tshark: Tshark) -> None:
    listed = (await tshark.run("-D")).out
    for service in ("lo", "udp", "demo"):
        assert f"capflow-{RESOURCE}.{service} (Capflow: {service} on {RESOURCE})" in listed
    assert ADMIN_KEY not in listed


async def test_packets_come_through_the_whole_flow(
    stack: Stack, rest: Rest, traffic: Traffic, tmp_path: Path
) -> None:
    shark = Tshark(tmp_path)
    await shark.install(stack)
    traffic.start(rate=200)
    fields = ("-T", "fields", "-e", "udp.dstport", "-e", "data.data")
    result = await shark.run("-i", LO, "-f", traffic.filter, "-c", "20", *fields)
    assert result.code == 0, result.err
    lines = [line.split("\t") for line in result.out.splitlines()]
    assert {port for port, _ in lines} == {str(traffic.port)}
    headers = bytes(42)
    numbers = traffic.numbers(headers + bytes.fromhex(data) for _, data in lines)
    assert numbers == list(range(numbers[0], numbers[0] + 20))
    task = await ended_in_order(rest)
    assert task["ledger"]["stored"] >= 20
    assert (await newest(rest))["filter"] == traffic.filter


async def test_a_duration_ends_it(tshark: Tshark, up: Rest, traffic: Traffic) -> None:
    traffic.start(rate=100)
    result = await tshark.run("-i", LO, "-f", traffic.filter, "-a", "duration:1")
    assert result.code == 0, result.err
    assert "UDP" in result.out
    await ended_in_order(up)


async def test_ctrl_c_ends_it(tshark: Tshark, up: Rest, traffic: Traffic) -> None:
    traffic.start(rate=100)
    process = await tshark.spawn("-i", LO, "-f", traffic.filter)
    await shows_packets(process)
    assert (await interrupt(process)).code == 0
    await ended_in_order(up)


async def test_a_limit_among_the_options_ends_it(
    tshark: Tshark, up: Rest, traffic: Traffic
) -> None:
    traffic.start(rate=200)
    options = [f"{PREFERENCE}.filter:{traffic.filter}", f"{PREFERENCE}.packets:7"]
    more = [each for option in options for each in ("-o", option)]
    result = await tshark.run("-i", LO, *more, "-f", "udp")
    assert len(result.out.splitlines()) == 7
    await ended_in_order(up, "packets")
    assert (await newest(up))["filter"] == f"(udp) and ({traffic.filter})"


async def test_what_is_kept_goes_on_without_wireshark(
    tshark: Tshark, up: Rest, traffic: Traffic
) -> None:
    traffic.start(rate=100)
    keep = ("-o", f"{PREFERENCE}.keep:true")
    result = await tshark.run("-i", LO, "-f", traffic.filter, "-c", "3", *keep)
    assert result.code == 0, result.err
    capture = await newest(up)
    assert (capture["state"], capture["keep"]) == ("running", True)


async def test_one_that_runs_is_named_and_joined_if_wanted(
    tshark: Tshark, up: Rest, traffic: Traffic
) -> None:
    started = await up.start_running("lo", filter=traffic.filter, keep=True)
    traffic.send(5)
    refused = await tshark.run("-i", LO, "-c", "1")
    assert refused.code != 0
    assert f"{started['session']} runs already" in refused.err
    assert "Join a capture that runs already" in refused.err
    join = ("-o", f"{PREFERENCE}.join:true")
    joined = await tshark.run("-i", LO, "-c", "5", *join)
    assert len(joined.out.splitlines()) == 5, joined.err
    own = await tshark.run("-i", LO, "-c", "5", "-f", "udp", *join)
    assert "with a filter and a length of its own" in " ".join(own.err.split())
    assert (await up.task(started["task_id"]))["state"] == "running"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-f", "udp prt 53"), "the filter `udp prt 53` is refused: can't parse filter expression"),
        (("-o", f"{PREFERENCE}.seconds:soon"), "--seconds soon: must be a number"),
    ],
)
async def test_errors_are_shown_in_words(
    tshark: Tshark, up: Rest, arguments: tuple[str, ...], words: str
) -> None:
    result = await tshark.run("-i", LO, "-c", "1", *arguments)
    assert result.code != 0
    assert f"Capflow: {words}" in result.err
    assert not await running(up)


async def test_a_dead_gateway_is_told_at_once(tshark: Tshark) -> None:
    dead = f"http://127.0.0.1:{free_ports(1)[0]}"
    listed = (await tshark.run("-D", CAPFLOW_URL=dead)).out
    assert f"capflow (Capflow: no gateway answers at {dead}" in listed
    tried = await tshark.run("-i", "capflow", "-c", "1", CAPFLOW_URL=dead)
    assert tried.code != 0
    assert f"no gateway answers at {dead}" in tried.err


async def capture_into(tshark: Tshark, fifo: Path, filter: str) -> Process:
    """The plug-in as Wireshark starts it."""
    os.mkfifo(fifo)
    return await asyncio.create_subprocess_exec(
        tshark.plugin, "--capture", "--extcap-interface", LO, "--fifo", str(fifo),
        "--extcap-capture-filter", filter, "--some-future-option",
        env=clean(), stdout=PIPE, stderr=PIPE,
    )  # fmt: skip


async def test_a_reader_that_goes_away_ends_it(
    tshark: Tshark, up: Rest, traffic: Traffic, tmp_path: Path
) -> None:
    """No packet passes, so no write could tell."""
    process = await capture_into(tshark, tmp_path / "fifo", traffic.filter)
    with (tmp_path / "fifo").open("rb", buffering=0) as reader:
        assert await asyncio.to_thread(reader.read, 4) == b"\x0a\x0d\x0d\x0a"
        (capture,) = await running(up)
    result = await outcome(process)
    assert (result.code, result.err) == (0, "")
    assert capture["session"] == (await newest(up))["session"]
    await ended_in_order(up)


async def test_a_stopped_capture_is_sent_to_its_end(
    tshark: Tshark, up: Rest, traffic: Traffic, tmp_path: Path
) -> None:
    """Wireshark signals first and reads on: the last packets and the counts must come."""
    file = tmp_path / "got.pcapng"
    process = await capture_into(tshark, tmp_path / "fifo", traffic.filter)
    with file.open("wb") as target:
        reader = subprocess.Popen(["cat", tmp_path / "fifo"], stdout=target)
    await until(lambda: file.stat().st_size > 0, 20)
    traffic.send(100)
    process.terminate()
    assert (await outcome(process)).code == 0
    assert reader.wait(10) == 0
    session = (await newest(up))["session"]
    whole = await up.http.get(f"/v1/captures/{session}/pcapng")
    assert file.read_bytes() == whole.content
    assert len(packets_of_pcapng(whole.content)) == 100


async def test_the_live_file_can_be_piped_into_tshark(
    tshark: Tshark, embedded: Stack, up: Rest, traffic: Traffic
) -> None:
    started = await up.start_running("lo", filter=traffic.filter)
    address = f"{embedded.rest}/v1/captures/{started['session']}/pcapng?live=1"
    key = ("-H", f"Authorization: Bearer {ADMIN_KEY}")
    curl = subprocess.Popen(["curl", "-sSN", *key, address], stdout=subprocess.PIPE)
    assert curl.stdout is not None
    process = await tshark.spawn("-i", "-", stdin=curl.stdout.fileno())
    curl.stdout.close()
    traffic.start(rate=100)
    await shows_packets(process, 10)
    await up.stop(started["session"])
    result = await outcome(process)
    assert result.code == 0, result.err
    assert curl.wait(10) == 0
