"""The doctor: what it says of a Capflow that is well, and of each thing that can be wrong."""

import json
import socket
from pathlib import Path
from typing import Any

import httpx2
import pytest

from services.client.plugin import Plugin, personal_folder
from services.client.settings import ClientSettings
from services.standalone.examining import key, wireshark
from tests.servers.mongo import StandaloneServer
from tests.servers.ports import free_ports
from tests.support.command import Outcome, run
from tests.support.servers import Place
from tests.support.stack import ADMIN_KEY, Stack


async def examined(*options: str, **env: str) -> tuple[Outcome, dict[str, dict[str, Any]]]:
    result = await run("doctor", "--json", *options, env=env)
    return result, {each["name"]: each for each in json.loads(result.out)["checks"]}


async def test_the_doctor_finds_a_running_capflow_well(embedded: Stack) -> None:
    result, found = await examined(**embedded.environment, CAPFLOW_KEY=ADMIN_KEY)
    assert result.code == 0, result.out
    assert not [name for name, each in found.items() if each["state"] == "fail"]
    for service, port in embedded.ports.items():
        assert found[f"port {port}"]["detail"] == f"the {service} answers"
    assert found["key"]["detail"] == "CAPFLOW_KEY is valid, role admin"
    assert found["streamer"]["state"] == "ok"


async def test_the_doctor_says_what_is_wrong_with_a_key_and_what_a_right_one_may_do(
    embedded: Stack,
) -> None:
    text = await run("doctor", env={**embedded.environment, "CAPFLOW_KEY": "wrong"})
    assert text.code == 1
    assert "CAPFLOW_KEY is refused" in text.out
    assert "1 failed" in text.out
    asking = {"CAPFLOW_URL": embedded.rest, "CAPFLOW_KEY": ADMIN_KEY}
    theirs = (await run("key", "create", "examined", env=asking)).out.strip()
    _, found = await examined(**embedded.environment, CAPFLOW_KEY=theirs)
    assert found["key"]["detail"] == "CAPFLOW_KEY is valid: the API key examined has viewer"
    gone = await run("key", "revoke", "examined", "--yes", "--json", env=asking)
    assert json.loads(gone.out) == {"revoked": "examined"}


async def test_the_doctor_says_why_there_is_no_key(embedded: Stack, tmp_path: Path) -> None:
    (tmp_path / "admin.key").write_text("the key of this machine")
    away = f"http://host.invalid:{embedded.ports['gateway']}"
    settings = ClientSettings(data=tmp_path, url=away)
    async with httpx2.AsyncClient(base_url=embedded.rest) as http:
        found = await key.examine(http, settings)
        none = await key.examine(http, ClientSettings(data=tmp_path / "none", url=away))
    assert found.state == none.state == "fail"
    assert "sent to this machine alone" in found.detail
    assert none.detail.endswith(f"there is no {tmp_path / 'none' / 'admin.key'}")


def test_the_doctor_looks_at_the_plug_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    plugin = Plugin(personal_folder())
    assert [each.state for each in wireshark.examine()] == ["note"]
    plugin.install(None)
    assert [each.state for each in wireshark.examine()] == ["ok"]
    plugin.program.chmod(0o644)
    assert "not executable" in wireshark.examine()[0].detail
    plugin.program.write_bytes(b"#!/bin/sh\n")
    (found,) = wireshark.examine()
    assert (found.state, "another Capflow" in found.detail) == ("warn", True)


async def test_the_doctor_names_each_server_and_what_is_wrong_with_it(
    place: Place, tmp_path: Path
) -> None:
    ports = free_ports(4)
    names = ("GATEWAY", "STREAMER", "DISPATCHER", "AGENT")
    here = {f"CAPFLOW_{name}_PORT": str(port) for name, port in zip(names, ports, strict=True)}
    here |= {"CAPFLOW_DATA": str(tmp_path / "data")}
    result, found = await examined(**here, **place.environment)
    assert result.code == 0, result.out
    assert "RabbitMQ 3." in found["bus"]["detail"]
    assert "Redis 7." in found["task store"]["detail"]
    assert "a replica set" in found["endpoint main"]["detail"]
    assert found["gateway"]["state"] == "note", "none runs, and none was told of"

    with socket.create_server(("127.0.0.1", ports[0])):
        away = {"CAPFLOW_BUS_URL": "amqp://guest:secret@127.0.0.1:9/",
                "CAPFLOW_TASKS_URL": "redis://:secret@127.0.0.1:9/0",
                "CAPFLOW_ENDPOINTS": "main=mongodb://me:secret@127.0.0.1:9/"}  # fmt: skip
        result, found = await examined(**here, **away)
    failed = {name for name, each in found.items() if each["state"] == "fail"}
    assert failed == {
        "bus",
        "task store",
        "endpoint main",
        f"port {ports[0]}",
    }
    assert result.code == 1
    assert all(found[name]["next_step"] for name in failed)
    assert "secret" not in result.out


async def test_the_doctor_knows_a_mongod_that_is_no_replica_set(tmp_path: Path) -> None:
    with StandaloneServer() as server:
        endpoints = f"main=mongodb://127.0.0.1:{server.port}/?directConnection=true"
        data = str(tmp_path / "data")
        result, found = await examined(CAPFLOW_ENDPOINTS=endpoints, CAPFLOW_DATA=data)
    assert result.code == 1
    assert "replica set" in found["endpoint main"]["detail"]


async def test_the_doctor_tells_of_wrong_settings_and_of_a_folder_that_cannot_be_used(
    tmp_path: Path,
) -> None:
    wrong, found = await examined(CAPFLOW_QUOTA="plenty", CAPFLOW_DATA=str(tmp_path / "data"))
    assert wrong.code == 1
    assert "CAPFLOW_QUOTA" in found["settings"]["detail"]
    file = tmp_path / "file"
    file.write_text("")
    result, found = await examined(CAPFLOW_DATA=str(file))
    assert result.code == 1
    assert found["data folder"]["state"] == "fail"
    assert str(file) in found["data folder"]["detail"]
