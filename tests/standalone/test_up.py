"""`capflow up` as a newcomer runs it: one process, then the commands it printed."""

import asyncio
import json
import re
import signal
import socket
import stat
import subprocess
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from services.agent.blocks import FULL_PACKETS
from tests.servers.ports import free_ports
from tests.support.command import CAPFLOW, Outcome, clean, outcome, run, spawn
from tests.support.wait import until

START_SECONDS = 60
TALK_EVERY = 0.05
"""Seconds."""


class Up:
    """A running `capflow up` with ports and a data folder of its own."""

    def __init__(self, folder: Path, more: Mapping[str, str], prefix: tuple[str, ...]) -> None:
        self.data = folder / "data"
        self.output = folder / "output"
        with self.output.open("wb") as output, (folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [*prefix, CAPFLOW, "up"],
                env={**clean(), **environment(self.data), **more},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
            )

    def ready(self) -> None:
        """Wait until it has said everything."""
        deadline = time.monotonic() + START_SECONDS
        while "capflow stop" not in self.said:
            assert self.process.poll() is None, f"it ended after saying: {self.said}"
            assert time.monotonic() < deadline, f"it did not start; it said: {self.said}"
            time.sleep(0.05)

    @property
    def said(self) -> str:
        """What it has printed."""
        return self.output.read_text()

    @property
    def start(self) -> list[str]:
        """The arguments of the start that it offers."""
        found = re.search(r"capflow (start \S+ \S+)", self.said)
        assert found is not None
        return found[1].split()

    @property
    def environment(self) -> dict[str, str]:
        """What a command in another terminal needs to find it: the same data folder."""
        return {"CAPFLOW_DATA": str(self.data)}

    async def capflow(self, *arguments: str) -> Outcome:
        """A command as it is run in another terminal."""
        return await run(*arguments, env=self.environment)

    async def ended(self) -> int:
        """Its exit status, once it has ended in the time that it may take."""
        return await asyncio.to_thread(self.process.wait, 15)


def environment(data: Path) -> dict[str, str]:
    ports = {f"CAPFLOW_{name}_PORT": "0" for name in ("GATEWAY", "STREAMER", "DISPATCHER", "AGENT")}
    return {"CAPFLOW_DATA": str(data), "CAPFLOW_LOG_LEVEL": "warning", **ports}


@contextmanager
def running(
    folder: Path, more: Mapping[str, str] | None = None, prefix: tuple[str, ...] = ()
) -> Iterator[Up]:
    up = Up(folder, more or {}, prefix)
    try:
        up.ready()
        yield up
    finally:
        if up.process.poll() is None:
            up.process.kill()
        up.process.wait()


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One for the tests that leave it as it was."""
    with running(tmp_path_factory.mktemp("up")) as shared:
        yield shared


@pytest.fixture
async def session(up: Up) -> AsyncIterator[str]:
    """A capture of loopback that runs as long as the test."""
    name = await started(up)
    yield name
    assert (await up.capflow("stop", name)).code == 0


@pytest.fixture(autouse=True)
async def talking() -> AsyncIterator[None]:
    """A datagram on loopback every now and then."""
    with (
        socket.socket(type=socket.SOCK_DGRAM) as ear,
        socket.socket(type=socket.SOCK_DGRAM) as lips,
    ):
        ear.bind(("127.0.0.1", 0))
        lips.connect(ear.getsockname())

        async def talk() -> None:
            while True:
                lips.send(b"hello")
                await asyncio.sleep(TALK_EVERY)

        task = asyncio.create_task(talk())
        yield
        task.cancel()


async def started(up: Up) -> str:
    result = await up.capflow(*up.start, "--keep")
    assert result.code == 0, result.err
    return result.out.strip()


# --- what it prints is enough --------------------------------------------------------------------


async def test_what_it_prints_is_enough_to_capture_watch_and_stop(up: Up) -> None:
    assert up.start[-1] == "lo"
    session = await started(up)
    watched = await up.capflow("tail", session, "-n", "4", "--filter", "udp")
    assert watched.code == 0, watched.err
    lines = watched.out.splitlines()
    assert len(lines) == 4
    assert all(line.count("127.0.0.1:") == 2 and " UDP " in line for line in lines)
    stopped = await up.capflow("stop", session)
    assert stopped.code == 0, stopped.err
    assert "stopped: requested" in stopped.out
    ledger = (await newest(up))["ledger"]
    assert ledger["seen"] == sum(ledger[k] for k in ("captured", "dropped_kernel", "beyond_limit"))
    assert ledger["captured"] == ledger["stored"] + ledger["dropped_agent"]


async def test_packets_appear_long_before_a_block_of_them_is_full(up: Up, session: str) -> None:
    loop = asyncio.get_running_loop()
    process = await spawn("tail", session, env=up.environment)
    assert process.stdout is not None
    begun = loop.time()
    assert await process.stdout.readline()
    assert loop.time() - begun < FULL_PACKETS * TALK_EVERY / 2
    process.send_signal(signal.SIGINT)
    assert (await outcome(process)).code == 0


async def test_tshark_reads_the_stream_from_a_pipe(up: Up, session: str) -> None:
    pipe = f"'{CAPFLOW}' tail {session} -w - | tshark -l -n -i - -c 3 -T fields -e ip.src"
    shell = await asyncio.create_subprocess_exec(
        "bash", "-c", f"set -o pipefail; {pipe}", env=clean() | up.environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    result = await outcome(shell)
    assert result.code == 0, result.err
    assert result.out.split() == ["127.0.0.1"] * 3
    assert "Traceback" not in result.err


async def test_a_second_start_is_refused_with_the_session_that_runs(up: Up, session: str) -> None:
    again = await up.capflow(*up.start)
    assert again.code == 1
    assert session in again.err


async def test_the_demo_service_can_be_watched_from_its_beginning(up: Up) -> None:
    result = await up.capflow("start", up.start[1], "demo")
    assert result.code == 0, result.err
    watched = await up.capflow("tail", result.out.strip(), "--from", "beginning", "-n", "2")
    assert len(watched.out.splitlines()) == 2
    assert (await up.capflow("stop", result.out.strip())).code == 0


async def test_the_agent_is_listed_with_its_services(up: Up) -> None:
    async def listed() -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = json.loads((await up.capflow("resources", "--json")).out)[
            "items"
        ]
        return items

    (resource,) = await until(listed)
    assert resource["online"] is True
    assert {"lo", "demo"} <= {service["service"] for service in resource["services"]}


async def test_the_page_address_it_prints_answers_to_the_key_in_it(up: Up) -> None:
    found = re.search(r"(http://127\.0\.0\.1:\d+/)#key=(\S+)", up.said)
    assert found is not None
    address, key = found.groups()
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}) as client:
        assert (await client.get(address + "v1/resources")).status_code == 200


def test_what_it_keeps_is_for_its_owner_only(up: Up) -> None:
    assert stat.S_IMODE(up.data.stat().st_mode) == 0o700
    for name in ("admin.key", "ticket.secret", "gateway.url"):
        assert stat.S_IMODE((up.data / name).stat().st_mode) == 0o600


# --- elsewhere, and with less --------------------------------------------------------------------


async def test_the_same_in_one_process_on_real_servers(
    tmp_path: Path, bus_url: str, tasks_url: str, mongo_url: str
) -> None:
    servers = {"CAPFLOW_BUS_URL": bus_url, "CAPFLOW_TASKS_URL": tasks_url}
    servers["CAPFLOW_ENDPOINTS"] = f"main={mongo_url}"
    with running(tmp_path, servers) as up:
        session = await started(up)
        watched = await up.capflow("tail", session, "--filter", "udp", "-n", "2")
        assert len(watched.out.splitlines()) == 2, watched.err
        assert "stopped: requested" in (await up.capflow("stop", session)).out
        up.process.send_signal(signal.SIGTERM)
        assert await up.ended() == 0


async def test_without_the_right_to_capture_it_says_so_and_offers_the_demo(tmp_path: Path) -> None:
    dropped = ("setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-all")
    with running(tmp_path, prefix=dropped) as up:
        assert "CAP_NET_RAW" in up.said
        assert up.start[-1] == "demo"
        assert (await up.capflow(*up.start)).code == 0


async def test_the_client_finds_a_gateway_on_a_port_that_was_set(tmp_path: Path) -> None:
    port = str(free_ports(1)[0])
    with running(tmp_path, {"CAPFLOW_GATEWAY_PORT": port}) as up:
        assert f":{port}/" in up.said
        assert (await up.capflow("resources")).code == 0


# --- the end -------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_in_order_while_a_capture_runs(
    number: signal.Signals, tmp_path: Path
) -> None:
    with running(tmp_path) as up:
        session = await started(up)
        viewer = await spawn("tail", session, "--json", env=up.environment)
        assert viewer.stdout is not None
        await viewer.stdout.readline()
        up.process.send_signal(number)
        assert await up.ended() == 0
        assert not (up.data / "gateway.url").exists()
        last = (await outcome(viewer)).out.splitlines()[-1]
        assert json.loads(last)["stop_reason"] == "agent-shutdown", "the viewer was told the end"
    with running(tmp_path) as again:
        capture = await newest(again)
        assert (capture["session"], capture["state"]) == (session, "stopped")
        assert capture["stop_reason"] == "agent-shutdown"


# --- what it refuses -----------------------------------------------------------------------------


async def test_a_taken_port_is_told_with_the_variable_to_set(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for name in ("CAPFLOW_GATEWAY_PORT", "CAPFLOW_AGENT_PORT"):
            result = await run("up", env=environment(tmp_path) | {name: port})
            assert result.code == 2
            assert port in result.err
            assert name in result.err
            assert "Traceback" not in result.err


async def test_a_second_one_on_the_same_data_is_refused(up: Up) -> None:
    result = await run("up", env=environment(up.data))
    assert result.code == 2
    assert "CAPFLOW_DATA" in result.err


async def newest(up: Up) -> dict[str, Any]:
    listed = await up.capflow("ls", "--json", "-n", "1")
    capture: dict[str, Any] = json.loads(listed.out)["items"][0]
    return capture
