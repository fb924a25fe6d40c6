"""Servers once a run, and for each test a place of its own on them.

`private_*` are servers that one test alone uses, and may kill, freeze and start again.
"""

import os
from collections.abc import Iterator
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import uuid4

import pytest
import structlog
from hypothesis import settings
from pymongo import MongoClient
from redis import Redis

from tests.servers import addresses
from tests.servers.addresses import RabbitAddress
from tests.servers.management import Management
from tests.servers.mongo import MongoServer
from tests.servers.rabbitmq import RabbitServer
from tests.servers.redis import RedisServer
from tests.support.servers import Servers

# How long an example takes says how busy the machine is.
settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")

# A traceback in colours with every variable takes the processor for seconds.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)


_WAITING = ("faults", "e2e", "integration", "standalone", "gateway", "dispatcher", "streamer")
"""Folders of tests that wait long for what they test."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, so that no worker is left alone with it in the end."""
    items.sort(key=lambda item: _rank(item.path.parent.name))


def _rank(folder: str) -> int:
    return _WAITING.index(folder) if folder in _WAITING else len(_WAITING)


@pytest.fixture(scope="session")
def killable() -> Iterator[Servers]:
    """RabbitMQ, Redis and MongoDB of this run, which a test may kill and freeze; after it they
    must be well again (`revive`), since all tests share them."""
    with Servers() as running:
        yield running


@pytest.fixture(scope="session")
def rabbitmq_server(request: pytest.FixtureRequest) -> Iterator[RabbitAddress]:
    """A broker that all tests share."""
    with addresses.rabbitmq(lambda: request.getfixturevalue("killable").rabbitmq) as address:
        yield address


@pytest.fixture(scope="session")
def redis_server(request: pytest.FixtureRequest) -> Iterator[str]:
    """A Redis that all tests share."""
    with addresses.redis(lambda: request.getfixturevalue("killable").redis) as address:
        yield address


@pytest.fixture(scope="session")
def mongo_server(request: pytest.FixtureRequest) -> Iterator[str]:
    """A MongoDB that all tests share."""
    with addresses.mongo(lambda: request.getfixturevalue("killable").mongo) as address:
        yield address


@pytest.fixture
def management(rabbitmq_server: RabbitAddress) -> Management:
    """The management API of the shared broker."""
    return Management(rabbitmq_server.management)


@pytest.fixture
def bus_vhost(management: Management) -> Iterator[str]:
    """A new virtual host of the shared broker, with the shipped exchanges and policies."""
    name = f"test-{uuid4().hex[:12]}"
    management.make_vhost(name)
    yield name
    management.drop_vhost(name)


@pytest.fixture
def bus_url(rabbitmq_server: RabbitAddress, bus_vhost: str) -> str:
    """The AMQP address of the new virtual host."""
    return _with_path(rabbitmq_server.url, bus_vhost)


@pytest.fixture
def tasks_url(redis_server: str) -> Iterator[str]:
    """An empty Redis database; afterwards every key of ours in it must have had a TTL."""
    url = _with_path(redis_server, os.environ.get("CAPFLOW_TEST_REDIS_DB") or _worker())
    with Redis.from_url(url) as client:
        client.flushdb()
        yield url
        for_ever = sorted(key for key in client.scan_iter("capflow:*") if client.ttl(key) == -1)
        client.flushdb()
    assert not for_ever, f"Redis keys without a TTL: {for_ever}"


@pytest.fixture
def mongo_url(mongo_server: str) -> Iterator[str]:
    """A new MongoDB database, named in the address."""
    name = f"test-{uuid4().hex[:12]}"
    yield _with_path(mongo_server, name)
    with MongoClient[dict[str, object]](mongo_server, timeoutMS=10_000) as client:
        client.drop_database(name)


@pytest.fixture
def private_rabbitmq(killable: Servers) -> Iterator[RabbitServer]:
    """A broker that this test alone uses now: to start one takes the processor for seconds."""
    yield killable.rabbitmq
    killable.revive()


@pytest.fixture
def private_bus_url(private_rabbitmq: RabbitServer) -> str:
    """The AMQP address of a new virtual host of that broker."""
    name = f"test-{uuid4().hex[:12]}"
    private_rabbitmq.management.make_vhost(name)
    return private_rabbitmq.url + name


@pytest.fixture
def private_redis() -> Iterator[RedisServer]:
    """A Redis for this test alone."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def private_mongo() -> Iterator[MongoServer]:
    """A MongoDB for this test alone."""
    with MongoServer() as server:
        yield server


def _worker() -> str:
    """The number of this one of the processes that run tests side by side."""
    return os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")


def _with_path(url: str, path: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path="/" + quote(path, safe="")))
