"""Servers once a run, and for each test a place of its own on them.

`private_*` are servers that one test alone uses, and may kill, freeze and start again.
"""

import os
from collections.abc import Iterator
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import uuid4

import pytest
from pymongo import MongoClient
from redis import Redis

from tests.servers import addresses
from tests.servers.addresses import RabbitAddress
from tests.servers.management import Management
from tests.servers.mongo import MongoServer
from tests.servers.rabbitmq import RabbitServer
from tests.servers.redis import RedisServer
from tests.support.servers import Servers


@pytest.fixture(scope="session")
def rabbitmq_server() -> Iterator[RabbitAddress]:
    """A broker that all tests share."""
    with addresses.rabbitmq() as address:
        yield address


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """A Redis that all tests share."""
    with addresses.redis() as address:
        yield address


@pytest.fixture(scope="session")
def mongo_server() -> Iterator[str]:
    """A MongoDB that all tests share."""
    with addresses.mongo() as address:
        yield address


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """RabbitMQ, Redis and MongoDB for all stacks of this run, which a test may kill and freeze."""
    with Servers() as running:
        yield running


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
def private_rabbitmq() -> Iterator[RabbitServer]:
    """A broker for this test alone."""
    with RabbitServer() as server:
        yield server


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
