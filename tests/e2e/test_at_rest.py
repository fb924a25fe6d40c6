"""What operators see: queues by the design's names, empty at rest; Redis keys that all end."""

import pytest

from tests.support.outside import Rest
from tests.support.servers import Place
from tests.support.stack import Stack
from tests.support.traffic import Traffic
from tests.support.wait import until

QUEUES = {
    "capflow.dispatcher.commands": "quorum",
    "capflow.dispatcher.reports": "quorum",
    "capflow.dispatcher.keepalive": "classic",
    "capflow.dead": "quorum",
}


@pytest.fixture
def stack(distributed: Stack) -> Stack:
    return distributed


async def test_the_queues_carry_the_designs_names_and_are_empty_at_rest(
    rest: Rest, distributed_place: Place
) -> None:
    started = await rest.start_running(filter="udp port 9")
    await rest.stop(started["session"])
    await rest.ended(started["task_id"])
    distributed_place.dead_letters()

    def at_rest() -> bool:
        queues = distributed_place.queues()
        depths = [queue.get("messages", -1) for queue in queues.values()]
        return set(QUEUES) <= set(queues) and set(depths) == {0}

    await until(at_rest, 20, every=0.3)
    queues = distributed_place.queues()
    assert {name: queues[name]["type"] for name in QUEUES} == QUEUES
    others = set(queues) - set(QUEUES)
    assert len(others) == 1
    gateway = others.pop()
    assert gateway.startswith("capflow.gateway.")
    assert gateway.endswith(".events")
    assert queues[gateway]["exclusive"] is True


async def test_every_redis_key_has_its_prefix_and_an_end(
    rest: Rest, distributed_place: Place
) -> None:
    started = await rest.start_running(filter="udp port 9")
    with distributed_place.redis() as redis:
        keys = list(redis.scan_iter("*"))
        assert {f"capflow:task:{started['task_id']}", "capflow:running:host-1.lo"} <= set(keys)
        assert all(key.startswith("capflow:") for key in keys)
        assert not [key for key in keys if redis.ttl(key) < 0]
    await rest.stop(started["session"])
    await rest.ended(started["task_id"])


async def test_a_stored_block_has_the_designs_fields(rest: Rest, distributed_place: Place) -> None:
    async with Traffic() as traffic:
        started = await rest.start_running(filter=traffic.filter, limits={"packets": 7})
        traffic.send(7)
        await rest.ended(started["task_id"])
    with distributed_place.mongo() as client:
        database = client[distributed_place.database]
        block = database.blocks.find_one({"session": started["session"]})
        record = database.sessions.find_one({"_id": started["session"]})
    assert block is not None
    assert record is not None
    assert set(block) == {
        "_id", "session", "block", "first", "count", "first_ts", "last_ts",
        "bytes", "dropped", "data", "at",
    }  # fmt: skip
    assert block["_id"] == f"{started['session']}#0000000000"
    assert (block["block"], block["first"]) == (0, 0)
    assert record["state"] == "stopped"
