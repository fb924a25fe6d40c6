"""What a person sees on a terminal, and what a pipe gets instead."""

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from tests.support.command import outcome, spawn
from tests.support.stub_capflow import (
    HEADER,
    SESSION,
    StubCapflow,
    block,
    capture,
    say,
    say_end,
    say_packets,
)
from tests.support.terminal import terminal
from tests.support.wait import until

Capflow = Callable[..., Any]
Environment = dict[str, str]
OTHER = "host-1.lo.20261123215001"
SHOWN = "TCP 10.0.0.1:80 > 10.0.0.2:1234: [SYN], length 60"


async def one(socket: ServerConnection, _start: dict[str, Any]) -> None:
    await say_packets(socket, 0, 1)
    await say_end(socket)


# --- tables --------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [40, 60, 80, 140])
async def test_a_table_is_no_wider_than_the_terminal_and_says_what_it_leaves_out(
    columns: int, stub: StubCapflow, environment: Environment
) -> None:
    stub.answers["GET", "/v1/captures"] = (200, {"items": [capture()]})
    async with terminal("ls", env=environment, columns=columns) as screen:
        assert await screen.ended() == 0
    heads, row, *notes = screen.lines
    assert len(heads.rstrip()) <= columns
    assert len(row.rstrip()) <= columns
    assert row.split()[:2] == [SESSION, "running"], "name and state are never left out"
    if columns == 140:
        assert "REQUESTED" in heads
        assert not notes
    else:
        assert "not shown for want of width" in notes[0]
        assert "REQUESTED" in notes[0]


async def test_a_pipe_gets_every_column_in_full(stub: StubCapflow, capflow: Capflow) -> None:
    long = "tcp port 443 and not host 192.0.2.1 and not host 192.0.2.2"
    service = {"service": "web", "interface": "eth0", "filter": long}
    resource = {"resource": "host-1", "online": True, "last_seen": "2026-11-23T21:50:00Z",
                "version": "0.1.0", "services": [service], "running": []}  # fmt: skip
    stub.answers["GET", "/v1/resources"] = (200, {"items": [resource]})
    result = await capflow("resources", COLUMNS="20")
    assert long in result.out
    assert "\x1b" not in result.out + result.err
    assert (await capflow("resources", COLUMNS="200")).out == result.out


async def test_what_may_be_cut_is_cut_on_a_terminal(
    stub: StubCapflow, environment: Environment
) -> None:
    service = {"service": "web", "interface": "eth0", "filter": "tcp port 443 " * 20}
    resource = {"resource": "host-1", "online": False, "last_seen": "2026-11-23T21:50:00Z",
                "version": "0.1.0", "services": [service], "running": []}  # fmt: skip
    stub.answers["GET", "/v1/resources"] = (200, {"items": [resource]})
    async with terminal("resources", env=environment, columns=100) as screen:
        assert await screen.ended() == 0
    assert "offline" in screen.lines[1]
    assert "…" in screen.lines[1]
    assert len(screen.lines[1]) <= 100


# --- colour --------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [("ls",), ("tail", SESSION), ("stop", SESSION, "--no-wait")])
async def test_colour_is_for_terminals_and_only_if_nobody_objects(
    command: tuple[str, ...], stub: StubCapflow, environment: Environment
) -> None:
    stub.scripts = [one]
    for name, value in (("NO_COLOR", "1"), ("TERM", "dumb")):
        async with terminal(*command, env=environment | {name: value}) as screen:
            assert await screen.ended() == 0
        assert "\x1b[3" not in screen.raw
    if command[0] != "stop":
        async with terminal(*command, env=environment) as screen:
            assert await screen.ended() == 0
        assert "\x1b[" in screen.raw


async def test_tail_looks_the_same_with_colour_and_without(
    stub: StubCapflow, environment: Environment, capflow: Capflow
) -> None:
    stub.scripts = [one]
    async with terminal("tail", SESSION, env=environment) as screen:
        assert await screen.ended() == 0
    assert SHOWN in screen.text
    assert SHOWN in (await capflow("tail", SESSION)).out


# --- progress ------------------------------------------------------------------------------------


async def test_progress_is_shown_on_a_terminal_and_goes_away(
    stub: StubCapflow, environment: Environment, tmp_path: Path
) -> None:
    async def blocks(socket: ServerConnection, _start: dict[str, Any]) -> None:
        await socket.send(HEADER)
        await say(socket, type="packets", session=SESSION, first=0, next=1)
        await socket.send(block(0))
        counts = {"sent": 1, "filtered": 0, "skipped": 0, "missing": 0, "next": 1}
        await say(socket, type="status", state="running", ledger={"stored": 8}, **counts)
        await socket.wait_closed()

    stub.scripts = [blocks]
    arguments = ("tail", SESSION, "-w", str(tmp_path / "out.pcapng"))
    async with terminal(*arguments, env=environment) as screen:
        await screen.shows("1 of 8 packets")
        screen.process.send_signal(signal.SIGINT)
        assert await screen.ended() == 0
    process = await spawn(*arguments, env=environment)
    await until(lambda: (tmp_path / "out.pcapng").stat().st_size > len(HEADER))
    process.send_signal(signal.SIGINT)
    assert "of 8 packets" not in (await outcome(process)).err


# --- watching a list -----------------------------------------------------------------------------


async def test_a_watched_list_is_drawn_again_as_it_changes(
    stub: StubCapflow, environment: Environment
) -> None:
    async with terminal("ls", "--watch", env=environment) as screen:
        await screen.shows("running")
        stub.answers["GET", "/v1/captures"] = (200, {"items": [capture("stopped")]})
        await screen.shows("stopped")
        stub.refuse("GET", "/v1/captures", 503, "store-unavailable")
        await screen.shows("trying again")
        stub.answers["GET", "/v1/captures"] = (200, {"items": [capture("failed")]})
        await screen.shows("failed")
        screen.process.send_signal(signal.SIGINT)
        assert await screen.ended() == 0
    assert "Traceback" not in screen.text


@pytest.mark.parametrize("more", [(), ("--json",)])
async def test_a_watched_list_in_a_pipe_is_a_line_for_each_change(
    more: tuple[str, ...], stub: StubCapflow, environment: Environment
) -> None:
    process = await spawn("ls", "--watch", *more, env=environment)
    assert process.stdout is not None
    if not more:
        assert (await process.stdout.readline()).startswith(b"SESSION")
    assert b"running" in await process.stdout.readline()
    both = [capture(session=OTHER), capture()]
    stub.answers["GET", "/v1/captures"] = (200, {"items": both})
    line = (await process.stdout.readline()).decode()
    assert (json.loads(line)["session"] if more else line.split()[0]) == OTHER
    process.send_signal(signal.SIGINT)
    result = await outcome(process)
    assert (result.code, result.out) == (0, "")


# --- questions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("answer", "gone"), [("y\n", True), ("n\n", False), ("\n", False)])
async def test_rm_asks_on_a_terminal(
    answer: str, gone: bool, stub: StubCapflow, environment: Environment
) -> None:
    stub.answers["DELETE", f"/v1/captures/{SESSION}"] = (204, "")
    async with terminal("rm", SESSION, env=environment) as screen:
        await screen.shows("(8 packets, 800 B) for good? [y/N]")
        screen.type(answer)
        assert await screen.ended() == (0 if gone else 1)
    assert bool([method for method, _, _ in stub.asked if method == "DELETE"]) is gone


async def test_rm_asks_nobody_where_nobody_can_answer(stub: StubCapflow, capflow: Capflow) -> None:
    result = await capflow("rm", SESSION)
    assert result.code == 2
    assert "--yes" in result.err
    stub.answers["DELETE", f"/v1/captures/{SESSION}"] = (204, "")
    assert (await capflow("rm", SESSION, "--yes")).out == f"removed {SESSION}\n"


async def test_rm_leaves_one_that_runs_and_removes_the_others(
    stub: StubCapflow, capflow: Capflow
) -> None:
    stub.answers["GET", f"/v1/captures/{OTHER}"] = (200, capture(session=OTHER))
    stub.answers["DELETE", f"/v1/captures/{SESSION}"] = (204, "")
    result = await capflow("rm", OTHER, SESSION, "--yes")
    assert (result.code, result.out) == (1, f"removed {SESSION}\n")
    assert f"capflow stop {OTHER}" in result.err
    told = await capflow("rm", OTHER, SESSION, "--yes", "--json")
    assert (told.code, json.loads(told.out)) == (1, {"removed": [SESSION]})
