"""What `deploy/` ships, checked as far as it can be without an engine that runs it."""

import base64
import configparser
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
import yaml
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from deploy.compose import definitions, mongodb
from services.packets.endpoints.setting import EndpointSettings
from services.runtime.settings import load, variable
from services.standalone.services import SERVICES, Service
from tests.servers.management import DEFINITIONS, Management
from tests.servers.mongo import MongoServer

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
CONTAINERS: dict[str, dict[str, Any]] = COMPOSE["services"]
UNIT = (DEPLOY / "systemd" / "capflow-agent.service").read_text()
SECRETS = {"GATEWAY": "gate", "DISPATCHER": "disp", "STREAMER": "stream", "AGENT": "agent"}
_VARIABLE = re.compile(r"\$\{(\w+)(?::[?-][^}]*)?\}")


def filled_in(text: str) -> str:
    return _VARIABLE.sub(lambda found: "7d" if found[1] == "RETENTION" else "20", text)


# --- compose -------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_compose_gives_each_service_settings_that_it_takes(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = CONTAINERS[service.name]
    assert container["command"] == [service.name]
    settings = service.settings_class()
    known = {variable(name) for name in settings.model_fields}
    for name, value in container["environment"].items():
        assert name in known
        monkeypatch.setenv(name, filled_in(value))
    loaded = load(settings)
    if isinstance(loaded, EndpointSettings):
        assert [each.type for each in loaded.endpoint_settings()] == ["mongodb"]


def test_compose_waits_only_for_what_says_when_it_is_ready() -> None:
    for container in CONTAINERS.values():
        for name, wait in container.get("depends_on", {}).items():
            healthy = wait["condition"] == "service_healthy"
            assert "healthcheck" in CONTAINERS[name] if healthy else CONTAINERS[name]


def test_compose_mounts_files_that_are_there_and_volumes_that_it_names() -> None:
    for container in CONTAINERS.values():
        for volume in container.get("volumes", []):
            source = volume.split(":")[0]
            there = (DEPLOY / source).exists() if source[0] == "." else source in COMPOSE["volumes"]
            assert there, volume


def test_compose_asks_for_variables_that_the_example_explains() -> None:
    asked = set(_VARIABLE.findall((DEPLOY / "compose.yaml").read_text()))
    lines = (DEPLOY / "env.example").read_text().splitlines()
    explained = {line.split("=")[0] for line in lines if "=" in line and line[0] != "#"}
    assert asked == explained


def test_compose_gives_the_agent_one_capability_and_the_others_none() -> None:
    for name in [service.name for service in SERVICES]:
        assert CONTAINERS[name]["cap_drop"] == ["ALL"]
        assert CONTAINERS[name].get("cap_add") == (["NET_RAW"] if name == "agent" else None)
    assert CONTAINERS["agent"]["network_mode"] == "host"


def test_the_image_takes_files_that_are_there() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for line in (DEPLOY / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), source
                assert f"!{source}" in ignored


# --- the broker's users --------------------------------------------------------------------------


@pytest.fixture
def made() -> definitions.Definitions:
    environment = {f"{name}_PASSWORD": secret for name, secret in SECRETS.items()}
    environment |= {"AGENTS": "web-1, web-2", "RABBITMQ_ADMIN_PASSWORD": "admin"}
    return definitions.with_users(json.loads(DEFINITIONS.read_text()), environment)


def test_each_agent_has_a_user_of_its_name_with_the_rights_of_agents(
    made: definitions.Definitions,
) -> None:
    shipped = json.loads(DEFINITIONS.read_text())
    for kind in ("permissions", "topic_permissions"):
        model = [{**each, "user": ""} for each in shipped[kind] if each["user"] == "capflow-agent"]
        for agent in ("web-1", "web-2"):
            assert [{**each, "user": ""} for each in made[kind] if each["user"] == agent] == model
    assert "capflow-agent" not in {user["name"] for user in made["users"]}


@pytest.fixture
def web_2(made: definitions.Definitions, management: Management) -> Iterator[str]:
    user = next(user for user in made["users"] if user["name"] == "web-2")
    fields = ("password_hash", "hashing_algorithm")
    body = {**{field: user[field] for field in fields}, "tags": "management"}
    management.call("PUT", "users", "web-2", body=body)
    yield "web-2"
    management.drop_user("web-2")


def test_a_broker_takes_the_password_hashes(web_2: str, management: Management) -> None:
    def who(password: str) -> Any:
        right = base64.b64encode(f"{web_2}:{password}".encode()).decode()
        as_agent = Management(management._base.removesuffix("/api/"))
        as_agent._login = f"Basic {right}"
        return as_agent.call("GET", "whoami")["name"]

    assert who("agent") == web_2
    with pytest.raises(HTTPError, match="401"):
        who("wrong")


# --- MongoDB's users -----------------------------------------------------------------------------


@pytest.fixture
def locked_mongo(tmp_path: Path) -> Iterator[MongoServer]:
    key = tmp_path / "key"
    key.write_text("0123456789abcdef")
    key.chmod(0o400)
    with MongoServer("--keyFile", str(key)) as server:
        with MongoClient[dict[str, Any]](server.url, timeoutMS=10_000) as client:
            client.admin.command("createUser", "root", pwd="root", roles=["root"])
        yield server


def test_mongodb_lets_agents_insert_blocks_and_nothing_else(locked_mongo: MongoServer) -> None:
    port = locked_mongo.port

    def client(name: str, password: str, database: str) -> MongoClient[dict[str, Any]]:
        where = f"127.0.0.1:{port}/{database}?directConnection=true"
        return MongoClient(f"mongodb://{name}:{password}@{where}", timeoutMS=10_000)

    passwords = {name.lower(): secret for name, secret in SECRETS.items()}
    for _again in range(2):
        with client("root", "root", "admin") as root:
            roles = DEPLOY / "mongodb" / "roles.json"
            mongodb.set_up(root, f"127.0.0.1:{port}", roles, passwords)
    with client("capflow-agent", "agent", "capflow") as agent:
        agent.capflow.blocks.insert_one({"_id": "a"})
        for forbidden in (
            lambda: agent.capflow.blocks.find_one(),
            lambda: agent.capflow.blocks.delete_one({}),
            lambda: agent.capflow.sessions.insert_one({}),
        ):
            with pytest.raises(OperationFailure, match="not authorized"):
                forbidden()
    with client("capflow-streamer", "stream", "capflow") as streamer:
        with streamer.capflow.watch():
            assert streamer.capflow.blocks.count_documents({}) == 1
        with pytest.raises(OperationFailure, match="not authorized"):
            streamer.capflow.blocks.delete_one({})


# --- systemd -------------------------------------------------------------------------------------


def test_the_agents_unit_gives_it_one_capability() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(UNIT)
    service = unit["Service"]
    assert service["AmbientCapabilities"] == service["CapabilityBoundingSet"] == "CAP_NET_RAW"
    assert service["NoNewPrivileges"] == "yes"
    assert service["ExecStart"].endswith("/capflow agent")


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    verify = shutil.which("systemd-analyze")
    if verify is None:
        return  # the test above has read it; systemd itself is no part of what tests set up
    unit = tmp_path / "capflow-agent.service"
    unit.write_text(UNIT.replace("/opt/capflow/bin/capflow", "/bin/true"))
    result = subprocess.run([verify, "verify", unit], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
