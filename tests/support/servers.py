"""RabbitMQ, Redis and MongoDB for stacks: three servers, and a place of its own for each stack."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from copy import copy
from itertools import count
from types import TracebackType
from typing import Any, Self

from pymongo import MongoClient
from redis import Redis

from tests.servers.mongo import MongoServer
from tests.servers.process import Server
from tests.servers.rabbitmq import RabbitServer
from tests.servers.redis import RedisServer

_DATABASES = range(8, 32)
"""Of Redis; those before it are of tests that take one by their worker's number."""


class Servers:
    """The three servers, as private processes that a test may kill, freeze and start again."""

    def __init__(self, *mongo_options: str) -> None:
        self.rabbitmq = RabbitServer()
        self.redis = RedisServer()
        self.mongo = MongoServer(*mongo_options)
        self._places = count(1)
        self._running = ExitStack()

    def __enter__(self) -> Self:
        servers: tuple[Server, ...] = (self.rabbitmq, self.redis, self.mongo)
        for server in servers:
            self._running.callback(server.close)
        try:
            with ThreadPoolExecutor() as pool:
                list(pool.map(Server.start, servers))
        except BaseException:
            self._running.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._running.__exit__(kind, error, at)

    def revive(self) -> None:
        """Thaw what is frozen and start what is down, whatever a fault has left."""
        for server in (self.rabbitmq, self.redis, self.mongo):
            server.thaw()
            if not server.running:
                server.restart()

    def with_mongo(self, mongo: MongoServer) -> "Servers":
        """The same servers, but for MongoDB."""
        others = copy(self)
        others.mongo = mongo
        return others

    def place(self) -> "Place":
        """A virtual host, a Redis database and a MongoDB database that nobody else uses."""
        return Place(self, next(self._places))


class Place:
    """Where one stack lives on the servers."""

    def __init__(self, servers: Servers, number: int) -> None:
        self.servers = servers
        self.vhost = f"stack-{number}"
        self.database = f"capflow-{number}"
        self.redis_url = servers.redis.url.replace("/0", f"/{_DATABASES[number % len(_DATABASES)]}")
        self.mongo_url = servers.mongo.url.replace("/?", f"/{self.database}?")
        self.amqp_url = servers.rabbitmq.url + self.vhost
        servers.rabbitmq.management.make_vhost(self.vhost)
        with self.redis() as client:
            client.flushdb()

    @property
    def environment(self) -> Mapping[str, str]:
        """The three variables that put Capflow on real servers."""
        return {
            "CAPFLOW_BUS_URL": self.amqp_url,
            "CAPFLOW_TASKS_URL": self.redis_url,
            "CAPFLOW_ENDPOINTS": f"main={self.mongo_url}",
        }

    def redis(self) -> Redis:
        """A client of this place's Redis database."""
        return Redis.from_url(self.redis_url, decode_responses=True)

    def mongo(self) -> MongoClient[dict[str, Any]]:
        """A client of the MongoDB; the database is `self.database`."""
        return MongoClient(self.mongo_url, timeoutMS=10_000)

    def queues(self) -> dict[str, dict[str, Any]]:
        """The queues of this place by name, as the management API shows them."""
        listed = self.servers.rabbitmq.management.call("GET", "queues", self.vhost)
        return {queue["name"]: queue for queue in listed}

    def dead_letters(self) -> list[dict[str, Any]]:
        """Take every message out of `capflow.dead`, as an operator would."""
        body = {"count": 1000, "ackmode": "ack_requeue_false", "encoding": "auto"}
        path = ("queues", self.vhost, "capflow.dead", "get")
        dead: list[dict[str, Any]] = self.servers.rabbitmq.management.call("POST", *path, body=body)
        return dead
