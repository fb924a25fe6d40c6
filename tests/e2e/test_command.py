"""The command against a whole Capflow: files that are whole whatever happens, and keys."""

import asyncio
import json
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers.ports import free_ports
from tests.support.command import outcome, run, spawn
from tests.support.outside import Rest, packets_of_pcapng
from tests.support.proxy import TcpProxy
from tests.support.stack import ADMIN_KEY, RESOURCE, Stack
from tests.support.terminal import terminal
from tests.support.traffic import Traffic
from tests.support.wait import until

STREAM_PORT = free_ports(1)[0]
"""Where viewers are sent: a proxy in front of the streamer, where a test has one."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """`capflow up`, whose streamer is reached through a proxy."""
    url = f"ws://127.0.0.1:{STREAM_PORT}/v1/stream"
    with Stack(tmp_path_factory.mktemp("command"), CAPFLOW_STREAM_URL=url) as running:
        yield running


@pytest.fixture
def environment(stack: Stack) -> dict[str, str]:
    return {"CAPFLOW_URL": stack.rest, "CAPFLOW_KEY": ADMIN_KEY}


@pytest.fixture
async def quiet(rest: Rest) -> AsyncIterator[None]:
    """No capture is left running for the next test."""
    yield
    for state in ("running", "requested"):
        captures = (await rest.http.get("/v1/captures", params={"state": state})).json()["items"]
        for each in captures:
            await rest.stop(each["session"])
            await rest.ended(each["task_id"])


pytestmark = pytest.mark.usefixtures("quiet")


async def exported(rest: Rest, session: str) -> bytes:
    answer = await rest.http.get(f"/v1/captures/{session}/pcapng")
    assert answer.status_code == 200
    return answer.content


async def newest(rest: Rest) -> dict[str, Any]:
    captures = (await rest.http.get("/v1/captures", params={"limit": 1})).json()["items"]
    return dict(captures[0])


async def recording(
    traffic: Traffic, file: Path, environment: dict[str, str], *more: str
) -> Process:
    """A recording of the traffic that has come to its file."""
    arguments = ("record", RESOURCE, "lo", "-f", traffic.filter, "-w", str(file), *more)
    process = await spawn(*arguments, env=environment)
    await until(lambda: file.exists() and file.stat().st_size > 0, 30)
    traffic.start(rate=2000)
    size = file.stat().st_size
    await until(lambda: file.stat().st_size > size + 50_000, 30)
    return process


# --- record --------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_ctrl_c_ends_the_capture_and_the_file_is_whole(
    number: signal.Signals, rest: Rest, traffic: Traffic, tmp_path: Path, environment: Any
) -> None:
    file = tmp_path / "out.pcapng"
    process = await recording(traffic, file, environment)
    process.send_signal(number)  # in the middle of the traffic
    result = await outcome(process)
    await traffic.stop()
    assert result.code == 0, result.err
    capture = await newest(rest)
    assert (capture["state"], capture["stop_reason"]) == ("stopped", "requested")
    data = file.read_bytes()
    packets = [frame for frame in packets_of_pcapng(data) if frame]
    assert traffic.numbers(packets) == list(range(capture["ledger"]["stored"]))
    assert data == await exported(rest, capture["session"])
    assert f"{capture['ledger']['stored']} stored" in result.err
    assert "Traceback" not in result.err


async def test_a_recording_survives_lost_connections(
    stack: Stack, rest: Rest, traffic: Traffic, tmp_path: Path, environment: dict[str, str]
) -> None:
    file = tmp_path / "out.pcapng"
    async with TcpProxy(stack.ports["gateway"]) as proxy:
        through = environment | {"CAPFLOW_URL": f"http://127.0.0.1:{proxy.port}"}
        process = await recording(traffic, file, through)
        for _ in range(2):
            proxy.cut()
            size = file.stat().st_size
            await until(lambda size=size: file.stat().st_size > size + 50_000, 30)  # type: ignore[misc]
        process.send_signal(signal.SIGINT)
        result = await outcome(process)
        await traffic.stop()
    assert result.code == 0, result.err
    assert "going on at byte" in result.err
    assert file.read_bytes() == await exported(rest, (await newest(rest))["session"])


async def test_a_recording_that_is_killed_ends_for_want_of_a_viewer(
    rest: Rest, traffic: Traffic, tmp_path: Path, environment: dict[str, str]
) -> None:
    process = await recording(traffic, tmp_path / "out.pcapng", environment, "--idle-seconds", "1")
    process.kill()
    await process.wait()
    task = await rest.ended((await newest(rest))["task_id"])
    assert task["stop_reason"] == "no-viewer"


async def test_a_recording_ends_at_its_limit_and_tells_in_json(
    traffic: Traffic, tmp_path: Path, environment: dict[str, str]
) -> None:
    traffic.start(rate=500)
    file = tmp_path / "out.pcapng"
    arguments = ("-f", traffic.filter, "--packets", "25", "-w", str(file), "--json")
    result = await run("record", RESOURCE, "lo", *arguments, env=environment)
    capture = json.loads(result.out)
    assert (result.code, capture["stop_reason"], capture["ledger"]["stored"]) == (0, "packets", 25)
    assert len([frame for frame in packets_of_pcapng(file.read_bytes()) if frame]) == 25


async def test_a_recording_ends_when_nobody_reads_its_output(
    rest: Rest, environment: dict[str, str]
) -> None:
    process = await spawn("record", RESOURCE, "demo", "-w", "-", env=environment)
    assert process.stdout is not None
    await process.stdout.read(100)
    vars(process.stdout)["_transport"].close()
    await until(lambda: process.returncode is not None, 30)

    async def stopped() -> bool:
        return bool((await newest(rest))["stop_reason"] == "requested")

    await until(stopped)
    assert process.stderr is not None
    assert b"Traceback" not in await process.stderr.read()


async def test_a_recording_beside_a_running_capture_is_refused_and_leaves_the_file(
    rest: Rest, tmp_path: Path, environment: dict[str, str]
) -> None:
    started = await rest.start_running("demo")
    kept, new = tmp_path / "kept.pcapng", tmp_path / "new.pcapng"
    kept.write_text("of yesterday")
    for file in (kept, new):
        result = await run("record", RESOURCE, "demo", "-w", str(file), env=environment)
        assert (result.code, result.out) == (1, "")
        assert f"capflow tail {started['session']}" in result.err
    assert kept.read_text() == "of yesterday"
    assert not new.exists()
    bad = await run("record", RESOURCE, "lo", "-w", "/no/such/folder/x", env=environment)
    assert bad.code == 2
    assert "/no/such/folder/x" in bad.err
    assert (await newest(rest))["session"] == started["session"], "nothing was started"


# --- tail ----------------------------------------------------------------------------------------


async def test_tail_survives_a_lost_connection_without_a_hole(
    stack: Stack, rest: Rest, traffic: Traffic, environment: dict[str, str]
) -> None:
    session = (await rest.start_running(filter=traffic.filter))["session"]
    async with TcpProxy(stack.ports["streamer"], port=STREAM_PORT) as proxy:
        process = await spawn("tail", session, "--from", "beginning", "--json", env=environment)
        assert process.stdout is not None
        lines: list[bytes] = []
        for _ in range(3):
            traffic.send(50)
            seen = len(lines)
            while len(lines) < seen + 50:
                lines.append(await asyncio.wait_for(process.stdout.readline(), 30))
            proxy.cut()
        await rest.stop(session)
        result = await outcome(process)
    *packets, end = [
        json.loads(line) for line in [*map(bytes.decode, lines), *result.out.splitlines()]
    ]
    assert [each["number"] for each in packets] == list(range(150))
    assert end["type"] == "end"
    assert (result.code, "going on at packet" in result.err) == (0, True)
    assert "150 captured = 150 stored" in result.err


# --- stored captures -----------------------------------------------------------------------------


async def test_an_export_is_checked_and_named_once_it_is_whole(
    rest: Rest, traffic: Traffic, tmp_path: Path, environment: dict[str, str]
) -> None:
    started = await rest.start_running(filter=traffic.filter)
    session, file = started["session"], tmp_path / "out.pcapng"
    live = await spawn("export", session, "--live", "-w", str(file), env=environment)
    await until(lambda: list(tmp_path.glob("*.part")) or list(tmp_path.glob(".*.part")), 30)
    live.send_signal(signal.SIGTERM)
    given_up = await outcome(live)
    assert given_up.code == 1
    assert "was not written" in given_up.err
    assert not list(tmp_path.iterdir()), "no half file, under whatever name"

    live = await spawn("export", session, "--live", "-w", str(file), "--json", env=environment)
    traffic.send(300)
    await until(lambda: list(tmp_path.iterdir()), 30)
    await rest.stop(session)
    told = json.loads((await outcome(live)).out)
    assert told["verified"] is True
    assert told["bytes"] == file.stat().st_size
    assert file.read_bytes() == await exported(rest, session)
    assert (await rest.capture(session))["sha256"] == told["sha256"]
    through = await spawn("export", session, "-w", "-", env=environment)
    assert (await through.communicate())[0] == file.read_bytes()
    removed = await run("rm", session, "--yes", env=environment)
    assert removed.out == f"removed {session}\n"
    gone = await run("show", session, env=environment)
    assert (gone.code, "capflow ls" in gone.err) == (1, True)


async def test_show_tells_of_a_capture_and_of_a_packet(
    rest: Rest, traffic: Traffic, environment: dict[str, str]
) -> None:
    started = await rest.start_running(filter=traffic.filter, limits={"packets": 3})
    traffic.send(3)
    await rest.ended(started["task_id"])
    told = await run("show", started["session"], env=environment)
    assert traffic.filter in told.out
    assert "3 captured = 3 stored" in told.out
    packet = await run("show", started["session"], "2", env=environment)
    assert f"127.0.0.1:{traffic.port}" in packet.out
    assert "dport" in packet.out
    assert "0x0000:" in packet.out


# --- keys ----------------------------------------------------------------------------------------


async def test_a_key_is_created_used_within_its_role_and_revoked(
    environment: dict[str, str],
) -> None:
    made = await run("key", "create", "alice", env=environment)
    key = made.out.strip()
    assert (made.code, len(made.out.splitlines())) == (0, 1)
    listed = await run("key", "list", env=environment)
    assert ["alice", "viewer"] in [line.split()[:2] for line in listed.out.splitlines()]
    assert key not in listed.out
    theirs = environment | {"CAPFLOW_KEY": key}
    assert (await run("ls", env=theirs)).code == 0
    refused = await run("start", RESOURCE, "demo", env=theirs)
    assert (refused.code, "operator" in refused.err) == (1, True)
    assert (await run("key", "list", env=theirs)).code == 1
    async with terminal("key", "revoke", "alice", env=environment) as screen:
        await screen.shows("[y/N]")
        screen.type("y\n")
        assert await screen.ended() == 0
    late = await run("ls", env=theirs)
    assert (late.code, "CAPFLOW_KEY" in late.err) == (1, True)
