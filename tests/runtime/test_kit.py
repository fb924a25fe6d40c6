"""The process kit: settings, secrets, tickets, back-off, health, life cycle."""

import asyncio
import itertools
import json
import os
import signal
import stat
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from errno import EIO
from hashlib import sha256
from math import isfinite
from pathlib import Path

import httpx2
import jwt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from pydantic import Field
from redis.exceptions import ResponseError
from starlette.applications import Starlette

from services.runtime.backoff import delays
from services.runtime.errors import BadSetting, TasksUnavailable
from services.runtime.escaping import escape
from services.runtime.health import Health, ops_routes
from services.runtime.http_server import serve_http
from services.runtime.lifecycle import Stopped, until
from services.runtime.redis import open_tasks, tasks_errors
from services.runtime.secretfile import read_or_make, replace
from services.runtime.settings import (
    BusSettings,
    Duration,
    Port,
    Size,
    describe,
    load,
    parse_duration,
    parse_size,
)
from services.runtime.tickets import AUDIENCE, TicketRefused, Tickets


class ExampleSettings(BusSettings):
    port: Port = Field(default=8080, description="where it listens")
    spool: Size = Field(default=256 << 20, description="disk for the spool")
    retention: Duration = Field(default=7 * 86_400.0, description="how long captures are kept")


@pytest.mark.parametrize(
    ("text", "seconds"), [("7d", 604_800), ("30s", 30), ("1.5", 1.5), ("20ms", 0.02), ("2 h", 7200)]
)
def test_a_duration_is_read_as_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "size"), [("256MiB", 268_435_456), ("20GB", 20 * 10**9), ("7", 7)]
)
def test_a_size_is_read_as_bytes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("CAPFLOW_PORT", "http", "integer"),
        ("CAPFLOW_PORT", "70000", "65535"),
        ("CAPFLOW_SPOOL", "lots", "such as"),
        ("CAPFLOW_RETENTION", "-3d", "such as"),
        ("CAPFLOW_BUS_URL", "kafka://x", "amqp"),
        ("CAPFLOW_LOG_LEVEL", "loud", "debug"),
    ],
)
def test_a_wrong_setting_is_named_with_what_it_may_be(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSetting) as refused:
        load(ExampleSettings)
    assert name in str(refused.value)
    assert says in str(refused.value)


def test_a_wrong_address_is_not_repeated_since_it_may_hold_a_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CAPFLOW_BUS_URL", "ampq://user:secret@host")
    with pytest.raises(BadSetting) as refused:
        load(ExampleSettings)
    assert "secret" not in str(refused.value)


def test_every_setting_is_described() -> None:
    rows = {name: (default, meaning) for name, default, meaning in describe(ExampleSettings)}
    assert rows["CAPFLOW_PORT"] == ("8080", "where it listens")
    assert all(meaning for _, meaning in rows.values())


@given(st.text())
@example("9" * 5000)
@example("9" * 5000 + "d")
def test_no_text_breaks_the_quantities(text: str) -> None:
    for parse in (parse_duration, parse_size):
        with suppress(ValueError):
            quantity = parse(text)
            assert isinstance(quantity, float | int)
            assert isfinite(quantity)


def test_delays_grow_up_to_the_most() -> None:
    first_six = list(itertools.islice(delays(0.1, 2, 1.0), 6))
    assert first_six == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.0, 1.0])


def test_a_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "admin.key"
    assert read_or_make(path, lambda: "one") == "one"
    assert read_or_make(path, lambda: "two") == "one"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    replace(path, "three")
    assert path.read_text() == "three"
    assert [file.name for file in path.parent.iterdir()] == ["admin.key"]


def test_a_file_that_cannot_be_replaced_stays_and_leaves_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: int) -> None:
        raise OSError(EIO, os.strerror(EIO))

    replace(tmp_path / "journal", "one")
    monkeypatch.setattr("os.fsync", fails)
    with pytest.raises(OSError, match="Input/output"):
        replace(tmp_path / "journal", "two")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("journal", "one")]


SECRET = "short"
KEY = sha256(SECRET.encode()).digest()


def test_a_ticket_is_for_its_session_alone() -> None:
    token, expires_at = Tickets(SECRET).sign("a.b.20260101000000", "ann", timedelta(minutes=5))
    assert expires_at > datetime.now(UTC)
    assert Tickets(SECRET).verify(token, "a.b.20260101000000") == "ann"
    with pytest.raises(TicketRefused):
        Tickets(SECRET).verify(token, "a.b.20260101000001")
    with pytest.raises(TicketRefused):
        Tickets("other").verify(token, "a.b.20260101000000")


def _claims(**changes: object) -> dict[str, object]:
    soon = datetime.now(UTC) + timedelta(minutes=1)
    return {"aud": AUDIENCE, "sub": "ann", "session": "s", "exp": soon} | changes


@pytest.mark.parametrize(
    "token",
    [
        jwt.encode(_claims(), None, algorithm="none"),
        jwt.encode(_claims(aud="other"), KEY, algorithm="HS256"),
        jwt.encode(_claims(exp=1), KEY, algorithm="HS256"),
        jwt.encode({"aud": AUDIENCE, "sub": "ann", "session": "s"}, KEY, algorithm="HS256"),
        jwt.encode(_claims(), "x" * 32, algorithm="HS256", headers={"kid": "../../x"}),
        "",
        "a.b.c",
        "\x00",
        "\ud800",
        "eyJhbGciOiJIUzI1NiJ9.e30.\ud800",
    ],
)
def test_a_forged_ticket_is_refused(token: str) -> None:
    with pytest.raises(TicketRefused):
        Tickets(SECRET).verify(token, "s")


@given(st.data())
def test_a_ticket_changed_anywhere_is_refused(data: st.DataObject) -> None:
    token, _ = Tickets(SECRET).sign("s", "ann", timedelta(minutes=5))
    at = data.draw(st.integers(0, len(token) - 1))
    piece = data.draw(st.characters() | st.just("\ud800"))  # JSON can say half a surrogate pair
    changed = token[:at] + piece + token[at + data.draw(st.integers(0, 3)) :]
    with suppress(TicketRefused):
        # The last letter of base64 has bits that say nothing.
        assert Tickets(SECRET).verify(changed, "s") == "ann"
        assert changed[:-1] == token[:-1]


def test_control_characters_do_not_reach_a_terminal() -> None:
    assert escape("\x1b[31mred\n") == "\\x1b[31mred\\x0a"
    assert escape("plain äöü") == "plain äöü"


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_hostile_name_writes_one_line_and_no_escape_in_a_log(form: str) -> None:
    program = """if True:
        import sys
        from services.runtime import logs
        logs.configure("test", format=sys.argv[1])
        name = "\\x1b[2Jgone\\r\\nforged \\u202e"
        logs.get("test").info("told", name=name, names=[name])
        try:
            raise ValueError(name)
        except ValueError:
            logs.get("test").exception("failed")
    """
    command = [sys.executable, "-c", program, form]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "gone" in done.stderr
    assert all(line.isprintable() for line in done.stderr.split("\n"))
    told = next(line for line in done.stderr.split("\n") if "told" in line)
    assert told.count("forged") == 2, "what was told is on one line"


async def test_the_operators_routes_answer() -> None:
    async def fine() -> None:
        return

    async def away() -> None:
        raise ConnectionError("broker away")

    app = Starlette(routes=ops_routes(Health("x", {"a": fine, "b": away}, CollectorRegistry())))
    async with serve_http(app, "127.0.0.1", 0) as port, httpx2.AsyncClient() as client:
        base = f"http://127.0.0.1:{port}"
        assert (await client.get(f"{base}/healthz")).status_code == 200
        ready = await client.get(f"{base}/readyz")
        assert ready.status_code == 503
        assert ready.json()["checks"] == {"a": "ok", "b": "broker away"}
        assert (await client.get(f"{base}/metrics")).status_code == 200


async def test_a_taken_port_is_named_with_its_setting() -> None:
    app = Starlette()
    async with serve_http(app, "127.0.0.1", 0) as port:
        with pytest.raises(BadSetting, match=rf"{port}.*CAPFLOW_GATEWAY_PORT"):
            async with serve_http(app, "127.0.0.1", port, "CAPFLOW_GATEWAY_PORT"):
                pass


async def test_a_part_that_returns_or_fails_ends_the_service() -> None:
    async def returns() -> None:
        return

    async def fails() -> None:
        raise OSError("gone")

    async def waits() -> None:
        await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup) as ended:
        await until(asyncio.Event(), waits(), returns())
    assert ended.group_contains(Stopped)
    with pytest.raises(ExceptionGroup) as ended:
        await until(asyncio.Event(), waits(), fails())
    assert ended.group_contains(OSError)


async def test_the_parts_end_when_told_to_stop() -> None:
    async def waits() -> None:
        await asyncio.Event().wait()

    stop = asyncio.Event()
    stop.set()
    await asyncio.wait_for(until(stop, waits(), waits()), 5)


async def test_redis_away_is_an_error_of_ours_within_seconds() -> None:
    tasks = open_tasks("redis://127.0.0.1:1/0")
    with pytest.raises(TasksUnavailable):
        async with asyncio.timeout(20), tasks_errors():
            await tasks.get("x")
    await tasks.aclose()


async def test_more_calls_at_once_than_connections_wait_their_turn(tasks_url: str) -> None:
    async with open_tasks(tasks_url) as tasks, tasks_errors():
        await asyncio.gather(*(tasks.set(f"capflow:{n}", n, ex=60) for n in range(300)))
        assert len(await tasks.keys("capflow:*")) == 300


async def test_a_redis_that_cannot_save_is_away_too() -> None:
    with pytest.raises(TasksUnavailable, match="takes no writes"):
        async with tasks_errors():
            raise ResponseError("MISCONF Redis is configured to save RDB snapshots")
    with pytest.raises(ResponseError):
        async with tasks_errors():
            raise ResponseError("WRONGTYPE of key")


PROCESS = """
import asyncio, sys
from services.runtime import lifecycle
lifecycle.DRAIN_DEADLINE = 0.5
async def main(stop):
    print("up", flush=True)
    await stop.wait()
    await asyncio.sleep(60 if "hang" in sys.argv else 0)
sys.exit(lifecycle.serve(main))
"""


def _process(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PROCESS, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return process


def test_sigterm_ends_a_process_with_zero() -> None:
    with _process() as process:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == os.EX_OK


def test_a_drain_that_hangs_is_ended_at_its_deadline() -> None:
    with _process("hang") as process:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == os.EX_SOFTWARE
    assert "not drained" in errors


def test_health_lines_are_json() -> None:
    response = asyncio.run(Health("x", {}, CollectorRegistry()).respond("/readyz"))
    assert response is not None
    assert json.loads(response.body)["ready"] is True
