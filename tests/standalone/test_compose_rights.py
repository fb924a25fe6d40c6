"""The services with the settings, users and rights of compose, on real servers without containers.

What a service may not do but has to would show here, and only here.
"""

import asyncio
import json
import re
import shlex
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from pymongo import MongoClient
from redis import Redis
from redis.exceptions import AuthenticationError, ResponseError

from deploy.compose import definitions, mongodb
from services.client.api import Gateway
from services.packets.capturefile import read_capture
from tests.servers.management import DEFINITIONS
from tests.servers.mongo import MongoServer
from tests.servers.ports import free_ports
from tests.servers.rabbitmq import RabbitServer
from tests.servers.redis import RedisServer
from tests.support.command import run
from tests.support.stack import SERVICES, Process
from tests.support.traffic import Traffic
from tests.support.wait import until

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
AGENT = "web-1"
SECRETS = {
    name: f"secret-of-{name.lower()}-0123456789abcdef"
    for name in (
        "ADMIN_KEY", "TICKET_SECRET", "REDIS_PASSWORD", "RABBITMQ_ADMIN_PASSWORD",
        "GATEWAY_PASSWORD", "DISPATCHER_PASSWORD", "STREAMER_PASSWORD", "AGENT_PASSWORD",
    )
} | {
    "AGENT": AGENT, "AGENTS": AGENT, "RETENTION": "7d", "QUOTA": "1GiB", "SPOOL": "64MiB",
}  # fmt: skip


class LockedRedis(RedisServer):
    """With the password and the rights of compose."""

    def command(self) -> list[str]:
        line = COMPOSE["redis"]["command"][2].replace("$$REDISCLI_AUTH", SECRETS["REDIS_PASSWORD"])
        words = shlex.split(line)
        return [*super().command(), *words[words.index("--user") :]]

    def client(self) -> Redis:
        """A client with the password."""
        return Redis(port=self.port, password=SECRETS["REDIS_PASSWORD"])


class DefinedRabbit(RabbitServer):
    """With the definitions that compose makes."""

    def initialise(self) -> None:
        made = definitions.with_users(json.loads(DEFINITIONS.read_text()), SECRETS)
        self.management.call("POST", "definitions", body=made)


class LockedMongo(MongoServer):
    """With the users that compose makes."""

    def __init__(self) -> None:
        super().__init__()
        key = self.folder / "key"
        key.write_text("0123456789abcdef")
        key.chmod(0o400)
        self.options = ("--keyFile", str(key))

    def make_users(self) -> None:
        """Make root, and as root the others."""
        at = f"127.0.0.1:{self.port}"
        passwords = {name: SECRETS[f"{name.upper()}_PASSWORD"] for name in SERVICES}
        with MongoClient[dict[str, Any]](self.url, timeoutMS=10_000) as client:
            client.admin.command("createUser", "root", pwd="root", roles=["root"])
        direct = f"mongodb://root:root@{at}/?directConnection=true"
        with MongoClient[dict[str, Any]](direct, timeoutMS=10_000) as client:
            mongodb.set_up(client, at, DEPLOY / "mongodb" / "roles.json", passwords)


@pytest.fixture
def addresses() -> Iterator[dict[str, str]]:
    """Where compose's addresses are here."""
    with DefinedRabbit() as rabbit, LockedRedis() as redis, LockedMongo() as mongo:
        mongo.make_users()
        yield {
            "(rabbitmq|127.0.0.1):5672": f"127.0.0.1:{rabbit.port}",
            "redis:6379": f"127.0.0.1:{redis.port}",
            "(mongodb|127.0.0.1):27017": f"127.0.0.1:{mongo.port}",
        }


@pytest.fixture
def processes(addresses: dict[str, str], tmp_path: Path) -> Iterator[dict[str, Process]]:
    ports = dict(zip(SERVICES, free_ports(4), strict=True))
    ours = {f"CAPFLOW_{name.upper()}_PORT": str(port) for name, port in ports.items()}
    running = {}
    for name in SERVICES:
        environment = {
            variable: _here(value, addresses)
            for variable, value in COMPOSE[name]["environment"].items()
        }
        environment |= ours | {"CAPFLOW_DATA": str(tmp_path / name), "CAPFLOW_HOST": "127.0.0.1"}
        log = tmp_path / f"{name}.log"
        running[name] = Process(name, environment, ports[name], log).spawn()
    try:
        for process in running.values():
            process.wait_ready()
        yield running
    finally:
        for process in running.values():
            process.kill()


def _here(value: str, addresses: dict[str, str]) -> str:
    filled = re.sub(r"\$\{(\w+)[^}]*\}", lambda found: SECRETS[found[1]], value)
    for address, here in addresses.items():
        filled = re.sub(address, here, filled)
    return filled


async def test_with_just_these_rights_captures_run_over_restarts_are_exported_and_deleted(
    processes: dict[str, Process], tmp_path: Path
) -> None:
    url = f"http://127.0.0.1:{processes['gateway'].port}"
    env = {"CAPFLOW_URL": url, "CAPFLOW_KEY": SECRETS["ADMIN_KEY"]}
    async with Traffic() as traffic:
        traffic.start(rate=100)
        started = await run("start", AGENT, "lo", "--filter", traffic.filter, env=env)
        assert started.code == 0, started.err
        session = started.out.strip()
        watched = await run("tail", session, "-n", "5", env=env)
        assert len(watched.out.splitlines()) == 5, watched.err
        stopped = await run("stop", session, env=env)
        assert "stopped: requested" in stopped.out, stopped.err
        exported = await run("export", session, "-w", str(tmp_path / "x.pcapng"), env=env)
        assert exported.code == 0, exported.err
        await _all_killed_and_started(processes)
        async with Gateway(url, SECRETS["ADMIN_KEY"]) as gateway:
            await _online(gateway)
            await _exports_whole(gateway, session)
        again = (await run("start", AGENT, "lo", "--filter", traffic.filter, env=env)).out.strip()
        watched = await run("tail", again, "-n", "5", env=env)
        assert len(watched.out.splitlines()) == 5, watched.err
        stopped = await run("stop", again, env=env)
        assert "stopped: requested" in stopped.out, stopped.err
    async with Gateway(url, SECRETS["ADMIN_KEY"]) as gateway:
        await gateway.delete(again)
        await gateway.delete(session)
        assert not (await gateway.captures()).items
    for name in ("agent", "gateway", "streamer", "dispatcher"):
        process = processes[name]
        assert await asyncio.to_thread(process.terminate) == 0, process.tail()
        assert "not authorized" not in process.log.read_text()
        assert "ACCESS_REFUSED" not in process.log.read_text()
        assert "NOPERM" not in process.log.read_text()


async def _all_killed_and_started(processes: dict[str, Process]) -> None:
    for process in processes.values():
        process.kill()
        process.spawn()
    for process in processes.values():
        await asyncio.to_thread(process.wait_ready)


async def _exports_whole(gateway: Gateway, session: str) -> None:
    ledger = (await gateway.capture(session)).ledger
    async with gateway.pcapng(session) as download:
        file = b"".join([piece async for piece in download.pieces])
    packets = list(read_capture(BytesIO(file), "export"))
    assert len(packets) == ledger.stored > 0


async def _online(gateway: Gateway) -> None:
    async def online() -> bool:
        return (await gateway.resource(AGENT)).online

    await until(online, timeout=30)


def test_redis_does_nothing_that_the_services_do_not_need() -> None:
    with LockedRedis() as server, server.client() as client:
        client.set("capflow:task:x", "1", px=1000)
        for refused in (
            ("FLUSHALL",), ("FLUSHDB",), ("KEYS", "*"), ("SCAN", "0"), ("CONFIG", "GET", "dir"),
            ("SHUTDOWN",), ("ACL", "LIST"), ("SCRIPT", "FLUSH"),
            ("CLIENT", "KILL", "ID", "1"), ("REPLICAOF", "127.0.0.1", "1"), ("MONITOR",),
            ("SET", "other", "1"), ("GET", "other"), ("PUBLISH", "x", "y"),
            ("EVAL", "return redis.call('GET', KEYS[1])", "1", "other"),
            ("EVAL", "return redis.call('FLUSHALL')", "0"),
        ):  # fmt: skip
            with pytest.raises(ResponseError, match=r"permission|can't run|can't access"):
                client.execute_command(*refused)
        with Redis(port=server.port) as stranger, pytest.raises(AuthenticationError):
            stranger.get("capflow:task:x")


def test_redis_does_everything_that_the_scripts_need() -> None:
    scripts = (DEPLOY.parent / "services").rglob("*.lua")
    code = "".join(path.read_text() for path in scripts)
    used = set(re.findall(r"redis\.p?call\('(\w+)'", code))
    allowed = {word[1:] for word in shlex.split(COMPOSE["redis"]["command"][2]) if word[0] == "+"}
    assert used
    assert {name.lower() for name in used} <= allowed
