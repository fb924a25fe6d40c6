"""The task store: Redis with our timeouts and our errors, or Redis commands in this process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module

from redis import exceptions
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from services.runtime.errors import TasksUnavailable

MEMORY = "memory://"
_TIMEOUT = 1.0
"""Seconds. The library's own waiting adds up to a minute on a frozen server."""
_CONNECTIONS = 64
"""Of more calls at once, the others wait for one to be free, as long as for an answer."""

_AWAY = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.BusyLoadingError,
    exceptions.ReadOnlyError,
    exceptions.OutOfMemoryError,
)
_CANNOT_WRITE = "MISCONF"
"""What Redis says when it cannot save, as when its disk is full."""


def open_tasks(url: str) -> Redis:
    """A client of the task store at `url`; it connects when it is first used.

    One retry heals a connection that the server closed meanwhile; scripts are idempotent.
    """
    if url == MEMORY:
        return _in_this_process()
    pool = BlockingConnectionPool.from_url(
        url,
        timeout=_TIMEOUT,
        socket_timeout=_TIMEOUT,
        socket_connect_timeout=_TIMEOUT,
        retry=Retry(NoBackoff(), 1),
        retry_on_error=[exceptions.ConnectionError],
        health_check_interval=0,
        max_connections=_CONNECTIONS,
    )
    return Redis.from_pool(pool)


def _in_this_process() -> Redis:
    """Loaded where it is used: a service on a real Redis starts without it."""
    tasks: Redis = import_module("fakeredis").FakeAsyncRedis()
    return tasks


@asynccontextmanager
async def tasks_errors() -> AsyncIterator[None]:
    """Turn what Redis raises when it is away into TasksUnavailable."""
    try:
        yield
    except _AWAY as error:
        raise TasksUnavailable(f"the task store (Redis) does not answer: {error}") from error
    except exceptions.ResponseError as error:
        if not str(error).startswith(_CANNOT_WRITE):
            raise
        raise TasksUnavailable(f"the task store (Redis) takes no writes: {error}") from error
