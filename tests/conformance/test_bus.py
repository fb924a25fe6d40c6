"""What every bus does, run on the one inside a process and on the real RabbitMQ."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from contracts.topology import (
    COMMANDS,
    COMMANDS_QUEUE,
    DEAD_QUEUE,
    DEAD_QUEUE_HEADER,
    EVENTS,
    KEEPALIVE,
    KEEPALIVE_QUEUE,
    MESSAGE_VERSION,
    REPORTS_QUEUE,
    TRACE_HEADER,
    VERSION_HEADER,
    gateway_events_queue,
)
from services.runtime.bus import publishing
from services.runtime.bus.deadletter import dead_reason
from services.runtime.bus.limits import MAX_MESSAGE_BYTES
from services.runtime.bus.memory import MemoryBus
from services.runtime.bus.opening import open_bus
from services.runtime.bus.port import Bus, Incoming, Outgoing
from services.runtime.bus.requests import NoAnswer, Requests
from services.runtime.errors import StoreUnavailable, Undecodable, Unroutable
from tests.support.wait import until

Opener = Callable[[], Awaitable[Bus]]


@pytest.fixture(params=["memory", "rabbitmq"])
async def another(request: pytest.FixtureRequest) -> AsyncIterator[Opener]:
    """Opens one more connection to the same bus."""
    opened: list[Bus] = []
    memory = MemoryBus() if request.param == "memory" else None
    url = "memory://" if memory else request.getfixturevalue("bus_url")

    async def opener() -> Bus:
        opened.append(await open_bus(url, "test", memory))
        return opened[-1]

    yield opener
    for bus in opened:
        await bus.close()


@pytest.fixture
async def bus(another: Opener) -> Bus:
    return await another()


class Inbox(list[Incoming]):
    """A handler that keeps what it gets."""

    async def __call__(self, incoming: Incoming) -> None:
        self.append(incoming)

    async def first(self) -> Incoming:
        await until(lambda: len(self) > 0)
        return self[0]

    @property
    def bodies(self) -> list[bytes]:
        return [incoming.body for incoming in self]


def message(body: bytes = b"{}", **fields: Any) -> Outgoing:
    return replace(Outgoing("test.type", body), **fields)


async def test_a_message_reaches_each_queue_whose_binding_fits_its_key(bus: Bus) -> None:
    reports, events = Inbox(), Inbox()
    await bus.consume(REPORTS_QUEUE, reports)
    await bus.consume(gateway_events_queue("one"), events)
    await bus.publish(EVENTS, "report.running.host.eth0", message(b"1"))
    await bus.publish(EVENTS, "task.running.host.eth0", message(b"2"))
    await until(lambda: reports and events)
    assert (reports.bodies, events.bodies) == ([b"1"], [b"2"])


async def test_each_gateway_hears_every_event(another: Opener) -> None:
    inboxes = [Inbox(), Inbox()]
    for number, inbox in enumerate(inboxes):
        await (await another()).consume(gateway_events_queue(str(number)), inbox)
    await (await another()).publish(EVENTS, "task.running.host.eth0", message(b"1"))
    await until(lambda: all(inboxes))
    assert [inbox.bodies for inbox in inboxes] == [[b"1"], [b"1"]]


async def test_consumers_of_one_queue_share_its_messages(another: Opener) -> None:
    inboxes = [Inbox(), Inbox()]
    for inbox in inboxes:
        await (await another()).consume(COMMANDS_QUEUE, inbox)
    bus = await another()
    for number in range(20):
        await bus.publish(COMMANDS, "capture.start.host.eth0", message(b"%d" % number))
    await until(lambda: sum(map(len, inboxes)) == 20)
    assert all(inboxes)


async def test_a_message_arrives_with_its_properties(bus: Bus) -> None:
    inbox = Inbox()
    await bus.consume(COMMANDS_QUEUE, inbox)
    sent = message(b'{"a":1}', message_id="id-1", correlation_id="c-1", headers={"x": "y"})
    await bus.publish(COMMANDS, "capture.start.host.eth0", sent)
    got = await inbox.first()
    assert (got.type, got.body, got.message_id) == ("test.type", b'{"a":1}', "id-1")
    assert (got.routing_key, got.correlation_id) == ("capture.start.host.eth0", "c-1")
    assert (got.reply_to, got.redelivered) == (None, False)
    assert got.headers[VERSION_HEADER] == MESSAGE_VERSION
    assert got.headers["x"] == "y"


async def test_what_a_handler_publishes_belongs_to_the_trace_of_its_message(bus: Bus) -> None:
    events = Inbox()
    await bus.consume(gateway_events_queue("one"), events)

    async def handle(incoming: Incoming) -> None:
        await bus.publish(EVENTS, "task.running.host.eth0", message())

    await bus.consume(COMMANDS_QUEUE, handle)
    trace = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"
    await bus.publish(COMMANDS, "capture.start.a.b", message(headers={TRACE_HEADER: trace}))
    passed_on = str((await events.first()).headers[TRACE_HEADER])
    assert passed_on.split("-")[1] == "0123456789abcdef0123456789abcdef"
    assert passed_on != trace


async def test_messages_of_one_publisher_are_handled_in_order(bus: Bus) -> None:
    inbox = Inbox()
    for number in range(50):
        await bus.publish(COMMANDS, "capture.start.host.eth0", message(b"%d" % number))
    await bus.consume(replace(COMMANDS_QUEUE, prefetch=1), inbox)
    await until(lambda: len(inbox) == 50)
    assert inbox.bodies == [b"%d" % number for number in range(50)]


async def test_no_more_messages_than_the_prefetch_are_handled_at_once(bus: Bus) -> None:
    begun, may_end = Inbox(), asyncio.Event()

    async def handle(incoming: Incoming) -> None:
        begun.append(incoming)
        await may_end.wait()

    for number in range(9):
        await bus.publish(COMMANDS, "capture.start.host.eth0", message(b"%d" % number))
    await bus.consume(replace(COMMANDS_QUEUE, prefetch=3), handle)
    await until(lambda: len(begun) == 3)
    await asyncio.sleep(0.1)
    assert len(begun) == 3
    may_end.set()
    await until(lambda: len(begun) == 9)


async def test_an_unroutable_message_is_an_error_where_it_must_arrive(bus: Bus) -> None:
    with pytest.raises(Unroutable):
        await bus.publish(EVENTS, "task.running.host.eth0", message())
    await bus.publish(EVENTS, "task.running.host.eth0", message(), mandatory=False)


async def test_a_request_is_answered(another: Opener) -> None:
    server, client = await another(), await another()

    async def handle(incoming: Incoming) -> None:
        assert incoming.reply_to is not None
        answer = message(incoming.body.upper(), correlation_id=incoming.correlation_id)
        await server.reply(incoming.reply_to, answer)

    await server.consume(COMMANDS_QUEUE, handle)
    async with Requests(client) as requests:
        asked = [
            requests.ask(COMMANDS, "capture.start.host.eth0", message(b"%c" % letter), timeout=30)
            for letter in b"abc"
        ]
        answers = await asyncio.gather(*asked)
    assert [answer.body for answer in answers] == [b"A", b"B", b"C"]


async def test_many_are_taken_and_answered_together(another: Opener) -> None:
    server, client = await another(), await another()
    one_by_one = Inbox()

    def answered(incoming: Incoming, body: bytes) -> Outgoing:
        return message(body, correlation_id=incoming.correlation_id)

    async def quickly(batch: Sequence[Incoming]) -> set[int]:
        left = {at for at, incoming in enumerate(batch) if incoming.body == b"odd"}
        taken = [incoming for at, incoming in enumerate(batch) if at not in left]
        await server.reply_all([(one.reply_to or "", answered(one, one.body)) for one in taken])
        return left

    async def handle(incoming: Incoming) -> None:
        await one_by_one(incoming)
        assert incoming.reply_to is not None
        await server.reply(incoming.reply_to, answered(incoming, b"alone"))

    await server.consume(KEEPALIVE_QUEUE, handle, quickly)
    async with Requests(client) as requests:
        bodies = [b"%d" % number for number in range(30)] + [b"odd"]
        asked = [requests.ask(KEEPALIVE, "host", message(body), timeout=30) for body in bodies]
        answers = await asyncio.gather(*asked)
    assert [answer.body for answer in answers] == [*bodies[:-1], b"alone"]
    assert one_by_one.bodies == [b"odd"]


async def test_no_answer_is_an_error_that_says_so(bus: Bus) -> None:
    async with Requests(bus) as requests:
        with pytest.raises(NoAnswer, match=r"test\.type"):
            await requests.ask(COMMANDS, "capture.start.host.eth0", message(), timeout=0.2)


async def test_a_reply_address_works_later_and_from_another_connection(another: Opener) -> None:
    agent, dispatcher, other_dispatcher = await another(), await another(), await another()
    requests, replies = Inbox(), Inbox()
    await dispatcher.consume(KEEPALIVE_QUEUE, requests)
    mailbox = await agent.mailbox(replies.append)
    await mailbox.send(KEEPALIVE, "host", message())
    address = (await requests.first()).reply_to
    assert address is not None
    await dispatcher.reply(address, message(b"1"))
    await until(lambda: len(replies) == 1)
    await other_dispatcher.reply(address, message(b"2"))
    await until(lambda: len(replies) == 2)
    assert replies.bodies == [b"1", b"2"]


async def test_a_reply_to_a_mailbox_that_is_gone_is_lost_without_an_error(bus: Bus) -> None:
    requests, replies = Inbox(), Inbox()
    await bus.consume(KEEPALIVE_QUEUE, requests)
    mailbox = await bus.mailbox(replies.append)
    await mailbox.send(KEEPALIVE, "host", message())
    address = (await requests.first()).reply_to
    assert address is not None
    await mailbox.close()
    await bus.reply(address, message())
    await bus.publish(COMMANDS, "capture.start.host.eth0", message())
    assert not replies


@pytest.mark.parametrize(
    "address", ["capflow.dispatcher.commands", "capflow.dead", "amq.gen-1", "", "x" * 256]
)
async def test_a_reply_to_a_name_of_our_own_is_refused(bus: Bus, address: str) -> None:
    with pytest.raises(ValueError, match="reply_to"):
        await bus.reply(address, message())


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
