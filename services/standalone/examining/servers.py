"""The servers of the settings: message bus, task store, and each endpoint."""

import asyncio
import logging
import os
from contextlib import suppress
from pathlib import Path

import aio_pika
from redis import exceptions
from yarl import URL

from services.packets.endpoints.setting import EndpointSetting
from services.runtime.errors import BadSetting, CapflowError
from services.runtime.mongo import Mongo, place_of
from services.runtime.redis import MEMORY, open_tasks
from services.standalone.examining.finding import Finding, fail, ok, warn

PATIENCE = 6.0
"""Seconds in which a server must answer."""
_EMBEDDED = "in the process of `capflow up`"


async def bus(url: str) -> Finding:
    """Whether the broker answers, and which it is."""
    if url.startswith("memory:"):
        return ok("bus", f"{url}, {_EMBEDDED}")
    logging.getLogger("aiormq").setLevel(logging.CRITICAL)  # it says the same, in many lines
    place = f"{URL(url).host}:{URL(url).port or ''}{URL(url).path}".rstrip(":")
    connection = aio_pika.Connection(URL(url))
    try:
        async with asyncio.timeout(PATIENCE):
            await connection.connect()
            assert connection.transport is not None
            server = connection.transport.connection.server_properties
    except Exception as error:  # whatever a broker or what stands in its place makes of it
        why = _words(error)
        return fail("bus", f"{place}: {why}", "start RabbitMQ there, or mend CAPFLOW_BUS_URL")
    finally:
        with suppress(Exception):
            await asyncio.wait_for(connection.close(), PATIENCE)
    product, version = (_text(server.get(name, "?")) for name in ("product", "version"))
    return ok("bus", f"{product} {version} at {place}")


async def tasks(url: str) -> Finding:
    """Whether Redis answers, which it is, and whether it keeps what it is given."""
    if url == MEMORY:
        return ok("task store", f"{url}, {_EMBEDDED}")
    place = url.rpartition("@")[2].rpartition("://")[2]
    redis = open_tasks(url)
    try:
        async with asyncio.timeout(PATIENCE):
            info = await redis.info()
    except (exceptions.RedisError, OSError, TimeoutError) as error:
        step = "start Redis there, or mend CAPFLOW_TASKS_URL"
        return fail("task store", f"{place}: {_words(error)}", step)
    finally:
        await redis.aclose()
    detail = f"Redis {info['redis_version']} at {place}"
    if info.get("maxmemory") and info.get("maxmemory_policy") != "noeviction":
        return warn(
            "task store",
            f"{detail} throws keys away when its memory is full",
            "set its maxmemory-policy to noeviction: a lost key ends a capture",
        )
    return ok("task store", detail)


async def endpoint(setting: EndpointSetting) -> Finding:
    """Whether an endpoint can be used."""
    name = f"endpoint {setting.name}"
    if setting.type == "sqlite":
        return _sqlite(name, setting.path)
    place = place_of(setting.url)
    step = "start MongoDB there, or mend CAPFLOW_ENDPOINTS"
    try:
        mongo = Mongo(setting.url)
    except BadSetting as error:
        return fail(name, str(error), "mend CAPFLOW_ENDPOINTS")
    try:
        async with asyncio.timeout(PATIENCE):
            version = (await mongo.command({"buildInfo": 1}))["version"]
            await mongo.require_replica_set()
    except BadSetting as error:
        return fail(name, str(error), "docs/operations.md shows how")
    except (CapflowError, TimeoutError) as error:
        return fail(name, _words(error), step)
    finally:
        await mongo.close()
    return ok(name, f"MongoDB {version} at {place}, a replica set")


def _sqlite(name: str, path: Path) -> Finding:
    nearest = next(each for each in (path, *path.parents) if each.exists())
    if not os.access(nearest, os.W_OK):
        return fail(name, f"{nearest} cannot be written", "mend its rights, or CAPFLOW_ENDPOINTS")
    return ok(name, f"{path} (sqlite), {_EMBEDDED}")


def _words(error: BaseException) -> str:
    if isinstance(error, TimeoutError) and not str(error):
        return f"no answer within {PATIENCE:g} s"
    return str(error) or type(error).__name__


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
