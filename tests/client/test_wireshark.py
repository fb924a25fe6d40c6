"""`capflow wireshark`, and the plug-in's own rules, without Wireshark."""

import asyncio
import json
import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from services.client.extcap.access import find_access
from services.client.extcap.arguments import Arguments
from services.client.extcap.errors import PluginError
from services.client.extcap.grammar import config
from services.client.extcap.interfaces import listing
from services.client.extcap.naming import interface_of, service_of
from services.client.extcap.ordering import start_request
from services.client.plugin import Plugin, personal_folder
from services.client.settings import ClientSettings
from services.runtime.settings import load
from tests.support.command import clean, run
from tests.support.stub_capflow import KEY, SESSION, TASK_ID, capture


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("CAPFLOW_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CAPFLOW_DATA", str(tmp_path / "data"))


# --- on disk -------------------------------------------------------------------------------------


async def test_install_status_uninstall(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "c"), "CAPFLOW_KEY": KEY}
    plugin = Plugin(tmp_path / "c" / "wireshark" / "extcap")
    assert (await run("wireshark", "status", env=home)).code == 1
    assert (await run("wireshark", "install", env=home)).out.strip() == str(plugin.program)
    assert os.access(plugin.program, os.X_OK)
    assert stat.S_IMODE(plugin.config.stat().st_mode) == 0o600
    assert json.loads(plugin.config.read_text())["key"] == KEY
    assert (await run("wireshark", "status", env=home)).out.strip() == str(plugin.program)
    assert (await run("wireshark", "uninstall", env=home)).code == 0
    assert not list(plugin.folder.iterdir())


async def test_for_everybody_no_key_is_kept(tmp_path: Path) -> None:
    plugin = Plugin(tmp_path)
    plugin.install(load(ClientSettings, key=KEY))
    plugin.install(None)
    assert plugin.fault() is None
    assert not plugin.config.exists()


async def test_another_versions_plug_in_is_told(tmp_path: Path) -> None:
    plugin = Plugin(tmp_path)
    plugin.install(None)
    plugin.program.write_bytes(b"#!/bin/sh\n")
    result = await run("wireshark", "status", "--folder", str(tmp_path), env={})
    assert result.code == 1
    assert "is of another Capflow" in result.err


async def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = await run("wireshark", "install", "--folder", str(tmp_path / "file" / "x"), env={})
    assert result.code == 2
    assert f"cannot write to {tmp_path / 'file' / 'x'}" in result.err


def test_the_folder_is_the_one_that_wireshark_names(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    newer = tmp_path / "tshark"
    newer.write_text(f"#!/bin/sh\necho 'Personal Extcap path:\t{tmp_path}/lib/extcap'\n")
    newer.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert personal_folder() == tmp_path / "lib" / "extcap"


def test_it_runs_on_the_standard_library_alone(tmp_path: Path) -> None:
    """`-I -S` leaves no way to anything installed; every module is imported."""
    plugin = Plugin(tmp_path)
    plugin.install(None)
    assert b" -IS\n" in plugin.program.read_bytes()[:300]
    modules = [f"capflow_extcap.{path.stem}" for path in sorted(
        Path(sys.modules["services.client.extcap"].__path__[0]).glob("*.py"))]  # fmt: skip
    script = f"import sys; sys.path.insert(0, {str(plugin.program)!r}); import {', '.join(modules)}"
    subprocess.run([sys.executable, "-IS", "-c", script], check=True, cwd=tmp_path)


# --- rules ---------------------------------------------------------------------------------------


def test_arguments_are_read_in_every_form_and_unknown_ones_left() -> None:
    asked = Arguments(["--capture", "--fifo=/x", "--new", "thing", "--keep", "--join", "false"])
    assert (asked.text("fifo"), asked.text("new"), asked.text("absent")) == ("/x", "thing", "")
    assert (asked.flag("keep"), asked.flag("join"), asked.flag("absent")) == (True, False, False)


def test_names_with_hyphens_are_read_back() -> None:
    assert service_of(interface_of("web-1", "eth-0")) == ("web-1", "eth-0")
    with pytest.raises(PluginError, match="no interface eth0"):
        service_of("eth0")


def test_only_what_is_online_is_listed_and_no_text_breaks_the_grammar() -> None:
    services = [{"service": "lo"}]
    online = {"resource": "a}\n{value=x", "online": True, "services": services}
    (line,) = listing([online, {"resource": "b", "online": False, "services": services}])
    assert line.count("{") == line.count("}") == 2
    assert line.count("\n") == 1
    with pytest.raises(PluginError, match="no resource is online"):
        listing([])


def test_options_become_the_start_that_is_asked_for() -> None:
    given = ["--seconds", "5m", "--bytes", "200MiB", "--packets", "9", "--snaplen", "96", "--keep"]
    body = start_request(Arguments(given), "host-1", "lo", "udp")
    assert body["limits"] == {"seconds": 300, "packets": 9, "bytes": 200 << 20}
    assert (body["snaplen"], body["keep"], body["filter"]) == (96, True, "udp")
    assert "snaplen" not in start_request(Arguments([]), "host-1", "lo", "")


@pytest.mark.parametrize("wrong", ["0", "-1", "soon", "5 parsecs", "1e999", "nan"])
def test_a_wrong_option_is_named(wrong: str) -> None:
    with pytest.raises(PluginError, match=r"--seconds .*: must be a number above 0"):
        start_request(Arguments(["--seconds", wrong]), "host-1", "lo", "")


def test_every_option_is_offered_on_a_service_alone() -> None:
    offered = config(Arguments(["--extcap-interface", "capflow-host-1.lo"]))
    for option in ("filter", "snaplen", "seconds", "packets", "bytes", "keep", "join"):
        assert f"{{call=--{option}}}" in offered
    assert config(Arguments(["--extcap-interface", "capflow"])) == ""


# --- where the gateway is ------------------------------------------------------------------------


def test_a_kept_key_goes_to_the_gateway_it_was_kept_with_and_to_no_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Plugin(tmp_path).install(load(ClientSettings, url="http://kept:1", key="kept"))
    assert vars(find_access(str(tmp_path))) == {"url": "http://kept:1", "key": "kept"}
    monkeypatch.setenv("CAPFLOW_URL", "http://told:1")
    assert vars(find_access(str(tmp_path))) == {"url": "http://told:1", "key": None}
    monkeypatch.setenv("CAPFLOW_KEY", "told")
    assert vars(find_access(str(tmp_path))) == {"url": "http://told:1", "key": "told"}


def test_this_machines_admin_key_goes_to_no_other_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "admin.key").write_text("mine")
    for url, key in (
        ("http://localhost:1", "mine"), ("https://127.0.0.1", "mine"), ("http://[::1]:1", "mine"),
        ("http://gateway.example", None), ("http://127.0.0.1@evil.example", None),
        ("http://10.0.0.1:8080", None),
    ):  # fmt: skip
        monkeypatch.setenv("CAPFLOW_URL", url)
        assert find_access(str(tmp_path)).key == key
        assert load(ClientSettings).secret == key


def test_this_machines_gateway_is_found_in_the_data_folder(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "gateway.url").write_text("http://127.0.0.1:4711\n")
    (tmp_path / "data" / "admin.key").write_text("mine\n")
    assert vars(find_access(str(tmp_path))) == {"url": "http://127.0.0.1:4711", "key": "mine"}


# --- a connection that breaks --------------------------------------------------------------------


class Breaking(BaseHTTPRequestHandler):
    """A gateway whose connection breaks in the middle of the file, the first two times."""

    protocol_version = "HTTP/1.1"
    file = bytes(range(256)) * 4
    sent_before_break: ClassVar[list[int]] = []
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(f"GET {self.path}")
        if self.path.endswith("live=1"):
            self._stream()
        else:
            self._json(capture("running" if "tasks" in self.path else "stopped"))

    def do_POST(self) -> None:
        self.asked.append(f"POST {self.path}")
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        self._json({"task_id": TASK_ID, "session": SESSION})

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        part = self.sent_before_break.pop(0) if self.sent_before_break else len(self.file)
        self.wfile.write(b"%x\r\n%s\r\n" % (part, self.file[:part]))
        if part < len(self.file):
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")

    def _json(self, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@pytest.fixture
def breaking() -> Iterator[str]:
    Breaking.sent_before_break[:] = [700, 300]
    Breaking.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Breaking) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


async def test_a_lost_connection_costs_no_byte_and_repeats_none(
    breaking: str, tmp_path: Path
) -> None:
    plugin, fifo = Plugin(tmp_path), tmp_path / "fifo"
    plugin.install(None)
    os.mkfifo(fifo)
    process = await asyncio.create_subprocess_exec(
        plugin.program, "--capture", "--extcap-interface", "capflow-host-1.lo", "--fifo", fifo,
        env=clean() | {"CAPFLOW_URL": breaking, "CAPFLOW_KEY": KEY},
    )  # fmt: skip
    assert await asyncio.to_thread(fifo.read_bytes) == Breaking.file
    assert await process.wait() == 0
    live = [asked for asked in Breaking.asked if "live" in asked]
    assert len(live) == 3
