"""What is stored goes when it is too old or too much."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from contracts.block import Block
from contracts.ledger import Ledger
from contracts.names import session_name
from contracts.order import EndpointRef
from contracts.task import Capture, StopReason, TaskState
from tests.dispatcher.arena import Arena
from tests.support.wait import until

NOW = datetime.now(UTC)


async def stored(
    world: Arena, age: timedelta, size: int = 1000, endpoint: str | None = None, **fields: object
) -> Capture:
    """A capture that ended `age` ago, with one block of `size` bytes."""
    at = NOW - age
    ref = world.endpoints.ref() if endpoint is None else EndpointRef(name=endpoint, type="sqlite")
    base = {
        "task_id": uuid4(),
        "session": session_name("web-1", "eth0", at),
        "resource": "web-1",
        "service": "eth0",
        "state": TaskState.STOPPED,
        "stop_reason": StopReason.REQUESTED,
        "requested_by": "test",
        "requested_at": at,
        "stopped_at": at,
        "endpoint": ref,
        "idle_seconds": 60,
        "ledger": Ledger(seen=1, captured=1, stored=1, blocks=1, bytes=size),
    }
    capture = Capture.model_validate({**base, **fields})
    await world.records.insert_session(capture, "digest")
    await world.records.insert_blocks([Block(capture.session, 0, 0, 1, 1, 1, size, 0, b"x" * 32)])
    return capture


async def gone(world: Arena, capture: Capture) -> None:
    async def removed() -> bool:
        return await world.records.session(capture.session) is None

    await until(removed)
    assert not await world.records.read_blocks(capture.session, 0)


async def test_what_is_too_old_goes_whole(world: Arena) -> None:
    old = await stored(world, timedelta(days=8))
    young = await stored(world, timedelta(days=6))
    running = await stored(
        world, timedelta(days=9), state=TaskState.RUNNING, stopped_at=None, stop_reason=None
    )
    async with world.dispatcher():
        await gone(world, old)
    assert await world.records.session(young.session)
    assert await world.records.read_blocks(young.session, 0)
    assert await world.records.session(running.session)


async def test_over_the_quota_the_oldest_go_and_no_more_than_needed(world: Arena) -> None:
    captures = [await stored(world, timedelta(hours=10 - n), 400) for n in range(5)]
    async with world.dispatcher(quota=1000), world.dispatcher(quota=1000):
        await gone(world, captures[0])
        await gone(world, captures[1])
        await gone(world, captures[2])
    for kept in captures[3:]:
        assert await world.records.session(kept.session)


async def test_blocks_that_came_after_their_capture_was_removed_go_at_its_age(
    world: Arena,
) -> None:
    """More of them than one round looks at."""
    running = await stored(
        world, timedelta(days=9), state=TaskState.RUNNING, stopped_at=None, stop_reason=None
    )
    late = [await stored(world, timedelta(days=8, seconds=number)) for number in range(70)]
    young = await stored(world, timedelta(days=6))
    for capture in (*late, young):
        assert await world.records.delete_session(capture.session)

    async def kept() -> bool:
        left = await world.records.sessions_stored("", 100)
        return left == sorted([running.session, young.session])

    async with world.dispatcher():
        await until(kept)


async def test_a_capture_on_an_endpoint_no_longer_configured_does_not_hold_up_others(
    world: Arena,
) -> None:
    orphan = await stored(world, timedelta(days=9), endpoint="attic")
    old = await stored(world, timedelta(days=8))
    async with world.dispatcher():
        await gone(world, old)

        async def forgotten() -> bool:
            return await world.records.session(orphan.session) is None

        await until(forgotten)
