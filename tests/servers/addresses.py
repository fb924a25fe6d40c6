"""Where the tests' servers are: in the environment, else in Docker, else programs of our own."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.servers.docker import (
    docker_answers,
    mongo_container,
    rabbitmq_container,
    redis_container,
)
from tests.servers.mongo import VARIABLE as MONGO_VARIABLE
from tests.servers.mongo import MongoServer
from tests.servers.process import ServerMissing
from tests.servers.rabbitmq import VARIABLE as RABBITMQ_VARIABLE
from tests.servers.rabbitmq import RabbitServer
from tests.servers.redis import VARIABLE as REDIS_VARIABLE
from tests.servers.redis import RedisServer

MANAGEMENT_VARIABLE = "CAPFLOW_TEST_RABBITMQ_MANAGEMENT"


@dataclass(frozen=True)
class RabbitAddress:
    """A broker and its management API."""

    url: str
    management: str


@contextmanager
def rabbitmq(own: Callable[[], RabbitServer]) -> Iterator[RabbitAddress]:
    """A broker for the tests of a whole run; `own` gives the one that is our own program."""
    if given := os.environ.get(RABBITMQ_VARIABLE):
        yield RabbitAddress(given, _given_management())
    elif docker_answers():
        with rabbitmq_container() as (url, management):
            yield RabbitAddress(url, management)
    else:
        server = own()
        yield RabbitAddress(server.url, server.management_url)


@contextmanager
def redis(own: Callable[[], RedisServer]) -> Iterator[str]:
    """A Redis for the tests of a whole run; `own` gives the one that is our own program."""
    if given := os.environ.get(REDIS_VARIABLE):
        yield given
    elif docker_answers():
        with redis_container() as url:
            yield url
    else:
        yield own().url


@contextmanager
def mongo(own: Callable[[], MongoServer]) -> Iterator[str]:
    """A MongoDB for the tests of a whole run; `own` gives the one that is our own program."""
    if given := os.environ.get(MONGO_VARIABLE):
        yield given
    elif docker_answers():
        with mongo_container() as url:
            yield url
    else:
        yield own().url


def _given_management() -> str:
    if given := os.environ.get(MANAGEMENT_VARIABLE):
        return given
    raise ServerMissing(
        f"{RABBITMQ_VARIABLE} is set, so set {MANAGEMENT_VARIABLE} too: "
        "http://user:password@host:15672, the address of its management API"
    )
