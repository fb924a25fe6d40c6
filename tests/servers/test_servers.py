"""The tests' servers can be killed, frozen and started again."""

import time

import pytest
from pymongo import MongoClient
from redis import Redis
from redis.exceptions import ConnectionError, TimeoutError

from tests.servers.management import Management
from tests.servers.mongo import MongoServer
from tests.servers.process import ServerMissing, program
from tests.servers.rabbitmq import RabbitServer
from tests.servers.redis import RedisServer


def test_redis_keeps_or_loses_its_data_as_asked(private_redis: RedisServer) -> None:
    with Redis.from_url(private_redis.url) as client:
        client.set("key", "value")
        time.sleep(1.1)  # appendfsync everysec
        private_redis.restart()
        assert client.get("key") == b"value"
        private_redis.restart(keep_data=False)
        assert client.get("key") is None


def test_a_frozen_redis_does_not_answer_until_it_is_thawed(private_redis: RedisServer) -> None:
    with Redis.from_url(private_redis.url, socket_timeout=0.2, retry=None) as client:
        private_redis.freeze()
        with pytest.raises((TimeoutError, ConnectionError)):
            client.ping()
        private_redis.thaw()
        assert client.ping()


def test_mongod_is_a_replica_set_and_survives_a_kill(private_mongo: MongoServer) -> None:
    with MongoClient[dict[str, object]](private_mongo.url, timeoutMS=20_000) as client:
        client.test.things.insert_one({"_id": 1})
        private_mongo.restart()
        assert client.test.things.count_documents({}) == 1
        with client.test.things.watch(max_await_time_ms=10) as stream:
            assert stream.try_next() is None


def test_rabbitmq_has_the_shipped_definitions_and_survives_a_kill(
    private_rabbitmq: RabbitServer,
) -> None:
    private_rabbitmq.restart()
    names = {queue["name"] for queue in private_rabbitmq.management.call("GET", "queues", "/")}
    assert "capflow.dispatcher.commands" in names
    assert "capflow" in private_rabbitmq.control("list_exchanges")


def test_each_test_has_a_virtual_host_of_its_own(
    management: Management, bus_vhost: str, bus_url: str
) -> None:
    assert bus_url.endswith(bus_vhost)
    names = {exchange["name"] for exchange in management.call("GET", "exchanges", bus_vhost)}
    assert "capflow.commands" in names


def test_a_missing_server_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(ServerMissing, match="make setup"):
        program("no-such-server", "CAPFLOW_TEST_REDIS_URL")


def test_the_other_fixtures_give_addresses(tasks_url: str, mongo_url: str) -> None:
    assert tasks_url.startswith("redis://")
    assert "/test-" in mongo_url
