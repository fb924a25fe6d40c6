"""What every bus does with messages, run on the one inside a process and on the real RabbitMQ."""

import asyncio
from dataclasses import replace

import pytest

from contracts.topology import (
    COMMANDS,
    COMMANDS_QUEUE,
    EVENTS,
    MESSAGE_VERSION,
    REPORTS_QUEUE,
    TRACE_HEADER,
    VERSION_HEADER,
    gateway_events_queue,
)
from services.runtime.bus.port import Bus, Incoming
from services.runtime.errors import Unroutable
from tests.conformance.conftest import Opener
from tests.conformance.inbox import Inbox, message
from tests.support.wait import until


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
