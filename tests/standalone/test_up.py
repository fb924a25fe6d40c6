"""`capflow up` as a newcomer runs it: one process, then the commands it printed."""

import asyncio
import json
import re
import signal
import socket
import stat
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from tests.servers.ports import free_ports
from tests.support.command import CAPFLOW, Outcome, clean, outcome, run, spawn
from tests.support.wait import until

NOBODY = 65_534


class Up:
    """A running `capflow up` with ports and a data folder of its own."""

    def __init__(self, process: Process, data: Path) -> None:
        self.process = process
        self.environment = {"CAPFLOW_DATA": str(data)}
        self.said = ""

    async def ready(self) -> None:
        """Wait until it has said everything."""
        assert self.process.stdout is not None
        while "capflow stop" not in self.said and "/capflow stop" not in self.said:
            line = await asyncio.wait_for(self.process.stdout.readline(), 60)
            assert line, f"it ended after saying: {self.said}"
            self.said += line.decode()

    @property
    def start(self) -> list[str]:
        """The arguments of the start that it offers."""
        found = re.search(r"capflow (start \S+ \S+)", self.said)
        assert found is not None
        return found[1].split()

    async def capflow(self, *arguments: str) -> Outcome:
        """A command as it is run in another terminal."""
        return await run(*arguments, env=self.environment)


def environment(data: Path, **more: str) -> dict[str, str]:
    ports = {f"CAPFLOW_{name}_PORT": "0" for name in ("GATEWAY", "STREAMER", "DISPATCHER", "AGENT")}
    return {"CAPFLOW_DATA": str(data), "CAPFLOW_LOG_LEVEL": "warning", **ports, **more}


@asynccontextmanager
async def running(data: Path, *, prefix: tuple[str, ...] = (), **more: str) -> AsyncIterator[Up]:
    env = clean() | environment(data, **more)
    with (data.parent / "up.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *prefix, CAPFLOW, "up", env=env, stdout=PIPE, stderr=log
        )
    up = Up(process, data)
    try:
        await up.ready()
        yield up
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.fixture
async def up(tmp_path: Path) -> AsyncIterator[Up]:
    async with running(tmp_path / "data") as one:
        yield one


@pytest.fixture
async def talking() -> AsyncIterator[None]:
    """A datagram on loopback every 20 ms."""
    with (
        socket.socket(type=socket.SOCK_DGRAM) as ear,
        socket.socket(type=socket.SOCK_DGRAM) as mouth,
    ):
        ear.bind(("127.0.0.1", 0))
        mouth.connect(ear.getsockname())

        async def talk() -> None:
            while True:
                mouth.send(b"hello")
                await asyncio.sleep(0.02)

        task = asyncio.create_task(talk())
        yield
        task.cancel()


async def started(up: Up, *more: str) -> str:
    result = await up.capflow(*up.start, *more)
    assert result.code == 0, result.err
    return result.out.strip()


async def test_what_it_prints_is_enough_to_capture_watch_and_stop(up: Up, talking: None) -> None:
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
    listed = json.loads((await up.capflow("ls", "--json")).out)["items"]
    ledger = listed[0]["ledger"]
    assert ledger["seen"] == sum(ledger[k] for k in ("captured", "dropped_kernel", "beyond_limit"))
    assert ledger["captured"] == ledger["stored"] + ledger["dropped_agent"]


async def test_the_same_in_one_process_on_real_servers(
    tmp_path: Path, talking: None, bus_url: str, tasks_url: str, mongo_url: str
) -> None:
    servers = {"CAPFLOW_BUS_URL": bus_url, "CAPFLOW_TASKS_URL": tasks_url}
    async with running(tmp_path / "data", **servers, CAPFLOW_ENDPOINTS=f"main={mongo_url}") as one:
        session = await started(one)
        watched = await one.capflow("tail", session, "--filter", "udp", "-n", "2")
        assert len(watched.out.splitlines()) == 2, watched.err
        assert "stopped: requested" in (await one.capflow("stop", session)).out
        one.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(one.process.wait(), 15) == 0


async def test_packets_appear_within_a_second_of_watching(up: Up, talking: None) -> None:
    session = await started(up)
    loop = asyncio.get_running_loop()
    process = await spawn("tail", session, env=up.environment)
    assert process.stdout is not None
    begun = loop.time()
    assert await process.stdout.readline()
    assert loop.time() - begun < 2, "one second, and the start of a Python process"
    process.send_signal(signal.SIGINT)
    assert (await outcome(process)).code == 0


async def test_tshark_reads_the_stream_from_a_pipe(up: Up, talking: None) -> None:
    session = await started(up)
    pipe = f"'{CAPFLOW}' tail {session} -w - | tshark -l -n -i - -c 3 -T fields -e ip.src"
    shell = await asyncio.create_subprocess_exec(
        "bash", "-c", f"set -o pipefail; {pipe}", env=clean() | up.environment, stdout=PIPE,
        stderr=PIPE,
    )  # fmt: skip
    result = await outcome(shell)
    assert result.code == 0, result.err
    assert result.out.split() == ["127.0.0.1"] * 3
    assert "Traceback" not in result.err


async def test_a_second_start_is_refused_with_the_session_that_runs(up: Up) -> None:
    session = await started(up, "--keep")
    again = await up.capflow(*up.start)
    assert again.code == 1
    assert session in again.err


async def test_the_demo_service_needs_no_right_to_capture(up: Up) -> None:
    result = await up.capflow("start", up.start[1], "demo")
    assert result.code == 0, result.err
    watched = await up.capflow("tail", result.out.strip(), "--from", "beginning", "-n", "2")
    assert len(watched.out.splitlines()) == 2


async def test_the_page_address_it_prints_answers(up: Up) -> None:
    found = re.search(r"(http://127\.0\.0\.1:\d+/)#key=(\S+)", up.said)
    assert found is not None
    address, key = found.groups()
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}) as client:
        assert (await client.get(address + "v1/resources")).status_code == 200


async def test_what_it_keeps_is_for_its_owner_only(up: Up, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    for name in ("admin.key", "ticket.secret", "gateway.url"):
        assert stat.S_IMODE((tmp_path / "data" / name).stat().st_mode) == 0o600


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_in_order_while_a_capture_runs(
    number: signal.Signals, up: Up, tmp_path: Path, talking: None
) -> None:
    session = await started(up)
    viewer = await spawn("tail", session, "--json", env=up.environment)
    assert viewer.stdout is not None
    await viewer.stdout.readline()
    up.process.send_signal(number)
    assert await asyncio.wait_for(up.process.wait(), 15) == 0
    assert not (tmp_path / "data" / "gateway.url").exists()
    last = (await outcome(viewer)).out.splitlines()[-1]
    assert json.loads(last)["stop_reason"] == "agent-shutdown", "the viewer was told the end"
    async with running(tmp_path / "data") as again:
        capture = json.loads((await again.capflow("ls", "--json")).out)["items"][0]
        assert (capture["state"], capture["stop_reason"]) == ("stopped", "agent-shutdown")


async def test_without_the_right_to_capture_it_says_so_and_offers_the_demo(tmp_path: Path) -> None:
    dropped = ("setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-all")
    async with running(tmp_path / "data", prefix=dropped) as one:
        assert "CAP_NET_RAW" in one.said
        assert one.start[-1] == "demo"
        assert (await one.capflow(*one.start)).code == 0


async def test_a_taken_port_is_told_with_the_variable_to_set(tmp_path: Path) -> None:
    taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = str(taken.sockets[0].getsockname()[1])
    for name in ("CAPFLOW_GATEWAY_PORT", "CAPFLOW_AGENT_PORT"):
        result = await run("up", env=environment(tmp_path / "data") | {name: port})
        assert result.code == 2
        assert port in result.err
        assert name in result.err
        assert "Traceback" not in result.err
    taken.close()


async def test_a_second_one_on_the_same_data_is_refused(up: Up, tmp_path: Path) -> None:
    result = await run("up", env=environment(tmp_path / "data"))
    assert result.code == 2
    assert "CAPFLOW_DATA" in result.err


async def test_the_client_finds_a_gateway_on_a_port_that_was_set(tmp_path: Path) -> None:
    port = str(free_ports(1)[0])
    async with running(tmp_path / "data", CAPFLOW_GATEWAY_PORT=port) as one:
        assert f":{port}/" in one.said
        assert (await one.capflow("resources")).code == 0


async def test_an_agent_is_listed_with_its_services(up: Up) -> None:
    async def listed() -> list[dict[str, object]]:
        items: list[dict[str, object]] = json.loads(
            (await up.capflow("resources", "--json")).out)["items"]  # fmt: skip
        return items

    (resource,) = await until(listed)
    assert resource["online"] is True
    names = {service["service"] for service in resource["services"]}  # type: ignore[attr-defined]
    assert {"lo", "demo"} <= names
