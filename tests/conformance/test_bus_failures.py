"""What every bus does when a message or a consumer fails."""

import asyncio
from dataclasses import replace

import pytest

from contracts.topology import (
    COMMANDS,
    COMMANDS_QUEUE,
    DEAD_QUEUE,
    DEAD_QUEUE_HEADER,
    EVENTS,
    KEEPALIVE,
    KEEPALIVE_QUEUE,
    gateway_events_queue,
)
from services.runtime.bus import publishing
from services.runtime.bus.deadletter import dead_reason
from services.runtime.bus.limits import MAX_MESSAGE_BYTES
from services.runtime.bus.port import Bus, Incoming
from services.runtime.errors import StoreUnavailable, Undecodable, Unroutable
from tests.conformance.conftest import Opener
from tests.conformance.inbox import Inbox, message
from tests.support.wait import until


async def test_a_message_that_cannot_be_decoded_is_dead_and_the_next_is_handled(bus: Bus) -> None:
    handled, dead = Inbox(), Inbox()

    async def handle(incoming: Incoming) -> None:
        if incoming.body == b"bad":
            raise Undecodable("it is bad\nvery")
        handled.append(incoming)

    await bus.consume(COMMANDS_QUEUE, handle)
    await bus.consume(DEAD_QUEUE, dead)
    sent = message(b"bad", message_id="id-1", correlation_id="c-1", headers={"x": "y"})
    await bus.publish(COMMANDS, "capture.start.host.eth0", sent)
    await bus.publish(COMMANDS, "capture.start.host.eth0", message(b"good"))
    got = await dead.first()
    assert dead_reason(got) == "it is bad?very"
    assert got.headers[DEAD_QUEUE_HEADER] == COMMANDS_QUEUE.name
    assert (got.body, got.message_id, got.correlation_id) == (b"bad", "id-1", "c-1")
    assert (got.type, got.headers["x"]) == ("test.type", "y")
    await until(lambda: handled.bodies == [b"good"])


async def test_a_message_whose_handler_fails_is_dead_with_the_error(bus: Bus) -> None:
    dead = Inbox()

    async def handle(incoming: Incoming) -> None:
        raise KeyError("missing")

    await bus.consume(COMMANDS_QUEUE, handle)
    await bus.consume(DEAD_QUEUE, dead)
    await bus.publish(COMMANDS, "capture.start.host.eth0", message())
    assert dead_reason(await dead.first()) == "KeyError: 'missing'"


async def test_a_message_above_the_size_limit_is_dead_without_being_handled(bus: Bus) -> None:
    handled, dead = Inbox(), Inbox()
    await bus.consume(COMMANDS_QUEUE, handled)
    await bus.consume(DEAD_QUEUE, dead)
    large = b"x" * (MAX_MESSAGE_BYTES + 1)
    await bus.publish(COMMANDS, "capture.start.host.eth0", message(large))
    assert "bytes, more than" in (dead_reason(await dead.first()) or "")
    assert not handled


async def test_a_message_that_expired_while_it_waited_is_dead(bus: Bus) -> None:
    dead, handled = Inbox(), Inbox()
    await bus.consume(DEAD_QUEUE, dead)
    await bus.publish(COMMANDS, "capture.start.host.eth0", message(expiration=0.1))
    assert dead_reason(await dead.first()) == "expired"
    await bus.consume(COMMANDS_QUEUE, handled)
    await bus.publish(COMMANDS, "capture.start.host.eth0", message(b"1", expiration=30.0))
    await until(lambda: handled.bodies == [b"1"])


async def test_while_something_is_away_the_same_message_is_tried_again(bus: Bus) -> None:
    tries, dead = Inbox(), Inbox()

    async def handle(incoming: Incoming) -> None:
        tries.append(incoming)
        if len(tries) < 4:
            raise StoreUnavailable("MongoDB is away")

    await bus.consume(DEAD_QUEUE, dead)
    await bus.consume(replace(COMMANDS_QUEUE, prefetch=1), handle)
    await bus.publish(COMMANDS, "capture.start.host.eth0", message(b"1"))
    await bus.publish(COMMANDS, "capture.start.host.eth0", message(b"2"))
    await until(lambda: len(tries) == 5)
    assert tries.bodies == [b"1", b"1", b"1", b"1", b"2"]
    assert not dead
    assert not any(incoming.redelivered for incoming in tries)


async def test_cancelling_waits_for_the_handler_and_leaves_the_rest(another: Opener) -> None:
    bus = await another()
    begun, ended, rest = Inbox(), Inbox(), Inbox()
    may_end = asyncio.Event()

    async def handle(incoming: Incoming) -> None:
        begun.append(incoming)
        await may_end.wait()
        ended.append(incoming)

    subscription = await bus.consume(replace(COMMANDS_QUEUE, prefetch=1), handle)
    for number in range(3):
        await bus.publish(COMMANDS, "capture.start.host.eth0", message(b"%d" % number))
    await begun.first()
    cancelling = asyncio.create_task(subscription.cancel())
    await asyncio.sleep(0.05)
    assert not cancelling.done()
    may_end.set()
    await cancelling
    await (await another()).consume(COMMANDS_QUEUE, rest)
    await until(lambda: len(rest) == 2)
    assert (ended.bodies, rest.bodies) == ([b"0"], [b"1", b"2"])


async def test_a_message_under_way_when_its_consumer_goes_is_delivered_again(
    another: Opener,
) -> None:
    bus, rest = await another(), Inbox()
    tries = Inbox()

    async def handle(incoming: Incoming) -> None:
        tries.append(incoming)
        raise StoreUnavailable("MongoDB is away")

    subscription = await bus.consume(COMMANDS_QUEUE, handle)
    await bus.publish(COMMANDS, "capture.start.host.eth0", message(b"1"))
    await tries.first()
    await subscription.cancel()
    await (await another()).consume(COMMANDS_QUEUE, rest)
    again = await rest.first()
    assert (again.body, again.redelivered) == (b"1", True)


async def test_an_exclusive_queue_goes_with_its_consumer(bus: Bus) -> None:
    subscription = await bus.consume(gateway_events_queue("one"), Inbox())
    await bus.publish(EVENTS, "task.running.host.eth0", message())
    await subscription.cancel()

    async def unroutable() -> bool:
        try:
            await bus.publish(EVENTS, "task.running.host.eth0", message())
        except Unroutable:
            return True
        return False

    await until(unroutable)


async def test_a_bus_that_works_says_so(bus: Bus) -> None:
    assert bus.connected
    assert 0 < bus.regained <= asyncio.get_running_loop().time()


async def test_a_thousand_publishes_at_once_all_arrive(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "PUBLISH_SECONDS", 60)  # how fast they are is for the benches
    inbox = Inbox()
    await bus.consume(KEEPALIVE_QUEUE, inbox)
    await asyncio.gather(
        *(bus.publish(KEEPALIVE, "host", message(b"%d" % number)) for number in range(1000))
    )
    await until(lambda: len(inbox) == 1000)
    assert set(inbox.bodies) == {b"%d" % number for number in range(1000)}
