"""The client's commands as real processes, against a gateway that says what it is told."""

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from services.runtime.settings import PREFIX
from tests.support.command import outcome, spawn
from tests.support.stub_capflow import (
    HEADER,
    SESSION,
    TASK_ID,
    StubCapflow,
    block,
    capture,
    packet,
    say,
    say_end,
    say_packets,
)
from tests.support.wait import until

Capflow = Callable[..., Any]


async def hundred(socket: ServerConnection, _start: dict[str, Any]) -> None:
    await say_packets(socket, 0, 100)
    await say_end(socket)


async def silence(socket: ServerConnection, _start: dict[str, Any]) -> None:
    await say_packets(socket, 0, 1)
    await socket.wait_closed()


# --- start, stop, lists --------------------------------------------------------------------------


async def test_start_prints_the_session_alone_and_the_next_commands_beside_it(
    stub: StubCapflow, capflow: Capflow
) -> None:
    result = await capflow("start", "host-1", "lo", "--seconds", "2m", "--bytes", "1MiB", "--keep")
    assert (result.code, result.out) == (0, f"{SESSION}\n")
    assert f"capflow tail {SESSION}" in result.err
    _, _, body = stub.asked[0]
    assert body["limits"] == {"seconds": 120, "bytes": 1 << 20}
    assert body["keep"] is True


async def test_a_refused_start_names_the_capture_that_runs(
    stub: StubCapflow, capflow: Capflow
) -> None:
    stub.refuse("POST", "/v1/captures", 403, "already-running", session=SESSION, task_id=TASK_ID)
    result = await capflow("start", "host-1", "lo")
    assert result.code == 1
    assert result.out == ""
    assert "because already-running" in result.err
    assert f"capflow tail {SESSION}" in result.err


async def test_a_start_that_may_be_repeated_names_the_task_id_to_repeat_it_with(
    stub: StubCapflow, capflow: Capflow
) -> None:
    stub.refuse("POST", "/v1/captures", 503, "bus-unavailable", task_id=TASK_ID)
    result = await capflow("start", "host-1", "lo")
    assert result.code == 1
    assert f"--task-id {TASK_ID}" in result.err


async def test_a_capture_that_fails_tells_the_agents_reason(
    stub: StubCapflow, capflow: Capflow
) -> None:
    error = {"code": "no-right", "detail": "may not capture"}
    failed = capture("failed", stop_reason="error", error=error)
    stub.answers["GET", f"/v1/tasks/{TASK_ID}"] = (200, failed)
    result = await capflow("start", "host-1", "lo")
    assert result.code == 1
    assert "may not capture" in result.err


async def test_stop_prints_the_reason_and_a_ledger_that_can_be_added_up(capflow: Capflow) -> None:
    result = await capflow("stop", SESSION)
    assert result.code == 0
    assert "stopped: requested" in result.out
    assert "10 seen = 9 captured + 1 dropped by the kernel + 0 beyond the limit" in result.out
    assert "9 captured = 8 stored + 1 dropped by the agent" in result.out


async def test_show_tells_what_waits_and_was_lost_on_the_agents_disk(
    stub: StubCapflow, capflow: Capflow
) -> None:
    spool = {"bytes": 2048, "packets": 7, "room": 1 << 20, "dropped": 3, "damaged": 2,
             "oldest": 4.25}  # fmt: skip
    over = spool | {"bytes": 0, "packets": 0, "oldest": 0}
    waits = "7 packets wait on the agent's disk (2.0 KiB, 1.0 MiB free), the oldest for 4.2 s"
    lost = "3 packets dropped because disk and memory were full, 2 lost in damaged files"
    for shown, told in (
        (capture(spool=spool), [waits, lost]),
        (capture("stopped", spool=over), [lost]),
        (capture(), []),
    ):
        stub.answers["GET", f"/v1/captures/{SESSION}"] = (200, shown)
        result = await capflow("show", SESSION)
        lines = [line for line in result.out.splitlines() if line.startswith("spool")]
        assert [line.split(maxsplit=1)[1] for line in lines] == told


@pytest.mark.parametrize(
    "command", [("ls",), ("stop", SESSION), ("start", "host-1", "lo"), ("resources", "host-1")]
)
async def test_json_is_what_the_gateway_said(
    command: tuple[str, ...], stub: StubCapflow, capflow: Capflow
) -> None:
    resource = {"resource": "host-1", "online": True, "last_seen": "2026-11-23T21:50:00Z",
                "version": "0.1.0", "services": [], "running": []}  # fmt: skip
    stub.answers["GET", "/v1/resources/host-1"] = (200, resource)
    result = await capflow(*command, "--json")
    assert result.code == 0, result.err
    assert len(result.out.splitlines()) == 1
    assert isinstance(json.loads(result.out), dict)


async def test_lists_have_plain_columns_when_they_are_piped(capflow: Capflow) -> None:
    result = await capflow("ls")
    heads, row = result.out.splitlines()
    assert heads.split()[:2] == ["SESSION", "STATE"]
    assert row.split()[:2] == [SESSION, "running"]
    assert "capflow ls --cursor more" in result.err


async def test_a_name_with_escapes_does_not_steer_the_terminal(
    stub: StubCapflow, capflow: Capflow
) -> None:
    hostile = capture(requested_by="evil\x1b[2J\nname")
    stub.answers["GET", "/v1/captures"] = (200, {"items": [hostile]})
    result = await capflow("ls")
    assert "evil\\x1b[2J\\x0aname" in result.out


# --- tail ----------------------------------------------------------------------------------------


async def test_tail_prints_a_line_a_packet_and_ends_with_the_ledger(
    stub: StubCapflow, capflow: Capflow
) -> None:
    async def gap_too(socket: ServerConnection, _start: dict[str, Any]) -> None:
        await say_packets(socket, 0, 1)
        await say(socket, type="gap", first=1, count=3, reason="slow-viewer")
        await say(socket, type="gap", count=5, reason="kernel-drop")
        await say_end(socket)

    stub.scripts = [gap_too]
    result = await capflow("tail", SESSION)
    assert result.code == 0, result.err
    line, skipped, dropped = result.out.splitlines()
    assert line.lstrip() == "0 21:50:00.123456 TCP 10.0.0.1:80 > 10.0.0.2:1234: [SYN], length 60"
    assert skipped.startswith("-- gap: 3 packets from 1 ")
    assert dropped.startswith("-- gap: 5 packets dropped by the kernel")
    assert "10 seen = 9 captured" in result.err
    assert "stopped: requested" in result.err


async def test_tail_escapes_what_packets_say(stub: StubCapflow, capflow: Capflow) -> None:
    async def hostile(socket: ServerConnection, _start: dict[str, Any]) -> None:
        packets = [packet(0, info="\x1b]0;owned\x07\r\n\u202etxt")]
        await say(socket, type="packets", session=SESSION, first=0, next=1, packets=packets)
        await say_end(socket)

    stub.scripts = [hostile]
    out = (await capflow("tail", SESSION)).out
    assert out.rstrip("\n").isprintable()


@pytest.mark.parametrize("more", [(), ("--json",)])
async def test_tail_ends_after_the_count(
    more: tuple[str, ...], stub: StubCapflow, capflow: Capflow
) -> None:
    stub.scripts = [hundred]
    result = await capflow("tail", SESSION, "-n", "3", *more)
    assert result.code == 0
    assert len(result.out.splitlines()) == 3


async def test_tail_in_json_is_an_object_a_line_and_the_last_is_the_end(
    stub: StubCapflow, capflow: Capflow
) -> None:
    stub.scripts = [hundred]
    result = await capflow("tail", SESSION, "--json")
    *packets, end = [json.loads(line) for line in result.out.splitlines()]
    assert [each["number"] for each in packets] == list(range(100))
    assert {each["type"] for each in packets} == {"packet"}
    assert (end["type"], end["stop_reason"]) == ("end", "requested")


async def test_tail_asks_for_what_it_was_told(stub: StubCapflow, capflow: Capflow) -> None:
    stub.scripts = [hundred]
    await capflow("tail", SESSION, "--from", "42", "--filter", "udp", "-n", "1")
    assert stub.starts == [
        {"type": "start", "from": 42, "format": "json", "filter": "udp", "raw": False}
    ]


@pytest.mark.parametrize("count", [None, 2])
async def test_tail_writes_pcapng_to_a_file(
    count: int | None, stub: StubCapflow, capflow: Capflow, tmp_path: Path
) -> None:
    async def blocks(socket: ServerConnection, _start: dict[str, Any]) -> None:
        await socket.send(HEADER)
        await say(socket, type="packets", session=SESSION, first=0, next=3)
        await socket.send(block(0) + block(1) + block(2))
        await say_end(socket)

    stub.scripts = [blocks]
    more = ("-n", str(count)) if count else ()
    result = await capflow("tail", SESSION, "-w", str(tmp_path / "out.pcapng"), *more)
    assert result.code == 0, result.err
    expected = HEADER + b"".join(block(number) for number in range(count or 3))
    assert (tmp_path / "out.pcapng").read_bytes() == expected


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_ctrl_c_ends_the_viewer_only(
    number: signal.Signals, stub: StubCapflow, environment: dict[str, str]
) -> None:
    stub.scripts = [silence]
    process = await spawn("tail", SESSION, env=environment)
    assert process.stdout is not None
    await process.stdout.readline()
    process.send_signal(number)
    result = await outcome(process)
    assert result.code == 0, result.err
    assert "Traceback" not in result.err
    assert not [path for _, path, _ in stub.asked if path.endswith("/stop")]


async def test_tail_ends_quietly_when_its_reader_goes_even_if_no_packet_comes(
    stub: StubCapflow, environment: dict[str, str]
) -> None:
    stub.scripts = [silence]
    process = await spawn("tail", SESSION, env=environment)
    assert process.stdout is not None
    await process.stdout.readline()
    vars(process.stdout)["_transport"].close()  # as `head -n 1` goes
    await until(lambda: process.returncode is not None)
    assert process.returncode == 0
    assert process.stderr is not None
    assert b"Traceback" not in await process.stderr.read()


# --- errors --------------------------------------------------------------------------------------


async def test_a_gateway_that_is_away_is_told_with_what_to_do(capflow: Capflow) -> None:
    result = await capflow("ls", CAPFLOW_URL="http://127.0.0.1:9")
    assert result.code == 1
    assert "no gateway answers at http://127.0.0.1:9" in result.err
    assert "capflow up" in result.err


async def test_another_server_is_not_taken_for_a_gateway(
    stub: StubCapflow, capflow: Capflow
) -> None:
    stub.answers["GET", "/v1/captures"] = (200, "<html>")
    result = await capflow("ls")
    assert result.code == 1
    assert "no Capflow gateway" in result.err


async def test_a_wrong_key_names_the_variable(capflow: Capflow) -> None:
    result = await capflow("ls", CAPFLOW_KEY="wrong")
    assert result.code == 1
    assert "does not know this API key" in result.err
    assert "CAPFLOW_KEY" in result.err


async def test_a_wrong_address_names_the_variable_and_what_it_may_be(capflow: Capflow) -> None:
    result = await capflow("ls", CAPFLOW_URL="ftp://here")
    assert result.code == 2
    assert PREFIX + "URL" in result.err
    assert "http" in result.err


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("start", "host-1"), "SERVICE"),
        (("start", "Host_1", "lo"), "'RESOURCE': 'Host_1' can be no name"),
        (("start", "host-1", "lo", "--snaplen", "3"), "snaplen"),
        (("start", "host-1", "lo", "--seconds", "0"), "seconds"),
        (("start", "host-1", "lo", "--bytes", "5 parsecs"), "size"),
        (("tail", SESSION, "--from", "-1"), "beginning"),
        (("tail", SESSION, "--from", str(2**63)), "beginning"),
        (("tail", SESSION, "-n", "0"), "count"),
        (("tail", SESSION, "-w", "-", "--json"), "--json"),
        (("tail", SESSION, "-w", "/no/such/folder/x"), "No such file"),
        (("ls", "--state", "asleep"), "running"),
        (("dance",), "dance"),
    ],
)
async def test_wrong_usage_names_what_is_wrong(
    arguments: tuple[str, ...], word: str, capflow: Capflow
) -> None:
    result = await capflow(*arguments)
    assert result.code == 2
    assert word in result.err
    assert "Traceback" not in result.err
