"""The same servers as containers, where a Docker engine answers."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import quote

from tests.servers.management import Management, definitions
from tests.servers.mongo import REPLICA_SET, initiate, is_primary
from tests.servers.process import START_SECONDS, ServerFailed


@cache
def docker_answers() -> bool:
    """Whether a Docker engine is there; looked for once, and briefly."""
    address = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if address.startswith("unix://") and not Path(address.removeprefix("unix://")).exists():
        return False
    from docker import DockerClient  # type: ignore[import-untyped]
    from docker.errors import DockerException  # type: ignore[import-untyped]

    try:
        client = DockerClient(base_url=address, timeout=2)
        client.ping()
        client.close()
    except (DockerException, OSError):
        return False
    return True


@contextmanager
def rabbitmq_container() -> Iterator[tuple[str, str]]:
    """The AMQP address and the management address."""
    from testcontainers.core.container import DockerContainer

    with DockerContainer("rabbitmq:4-management").with_exposed_ports(5672, 15672) as container:
        host = container.get_container_host_ip()
        management = f"http://guest:guest@{host}:{container.get_exposed_port(15672)}"
        _wait("rabbitmq", Management(management).answers)
        Management(management).call("POST", "definitions", body=definitions())
        yield f"amqp://guest:guest@{host}:{container.get_exposed_port(5672)}/", management


@contextmanager
def redis_container() -> Iterator[str]:
    """The address, database 0."""
    from testcontainers.community.redis import RedisContainer

    with RedisContainer("redis:8") as container:
        host = container.get_container_host_ip()
        yield f"redis://{host}:{container.get_exposed_port(6379)}/0"


@contextmanager
def mongo_container() -> Iterator[str]:
    """The address, without a database."""
    from testcontainers.core.container import DockerContainer

    plain = DockerContainer("mongo:8").with_exposed_ports(27017)
    with plain.with_command(f"--replSet {REPLICA_SET} --bind_ip_all") as container:
        address = f"{container.get_container_host_ip()}:{container.get_exposed_port(27017)}"
        _wait("mongod", lambda: _initiated(address))
        _wait("mongod", lambda: is_primary(address))
        # The member is known by its name inside the container, so clients must not look for it.
        yield f"mongodb://{quote(address, safe=':')}/?directConnection=true"


def _initiated(address: str) -> bool:
    from pymongo.errors import OperationFailure, PyMongoError

    try:
        initiate(address, "127.0.0.1:27017")
    except OperationFailure as error:
        return error.code == 23  # AlreadyInitialized
    except PyMongoError:
        return False
    return True


def _wait(name: str, condition: Callable[[], bool]) -> None:
    deadline = monotonic() + START_SECONDS
    while not condition():
        if monotonic() > deadline:
            raise ServerFailed(f"the container of {name} was not ready in time")
        sleep(0.1)
