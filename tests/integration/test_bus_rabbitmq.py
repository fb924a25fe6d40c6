"""What only RabbitMQ shows: the properties on the wire, other clients, poison."""

import asyncio
import gzip
import pickle
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel

from contracts.commands import StartCapture
from contracts.topology import (
    COMMANDS,
    COMMANDS_QUEUE,
    DEAD_QUEUE,
    KEEPALIVE,
    KEEPALIVE_QUEUE,
    START_CAPTURE,
    TRACE_HEADER,
    VERSION_HEADER,
    QueueSpec,
    gateway_events_queue,
)
from services.runtime.bus.codec import decode
from services.runtime.bus.deadletter import dead_reason
from services.runtime.bus.port import Incoming, Outgoing
from services.runtime.bus.rabbit import RabbitBus
from tests.support.proxy import TcpProxy
from tests.support.wait import until

KEY = "capture.start.host.eth0"


@pytest.fixture
async def bus(bus_url: str) -> AsyncIterator[RabbitBus]:
    bus = await RabbitBus.open(bus_url, "dispatcher")
    yield bus
    await bus.close()


@pytest.fixture
async def other(bus: RabbitBus, bus_url: str) -> AsyncIterator[AbstractChannel]:
    """A channel of somebody who knows nothing of our code."""
    async with await aio_pika.connect(bus_url) as connection:
        yield await connection.channel()


async def send(channel: AbstractChannel, exchange: str, key: str, body: bytes, **more: Any) -> None:
    target = await channel.get_exchange(exchange, ensure=False)
    await target.publish(aio_pika.Message(body, **more), routing_key=key)


async def test_a_message_on_the_wire_has_the_properties_of_the_design(
    bus: RabbitBus, other: AbstractChannel
) -> None:
    queue = await other.declare_queue("mine", exclusive=True)
    await queue.bind(COMMANDS, "capture.#")
    await bus.publish(
        COMMANDS, KEY, Outgoing(START_CAPTURE, b"{}", message_id="id-1", expiration=30.0)
    )
    got = await queue.get(timeout=30)
    assert (got.type, got.message_id, got.content_type) == (
        START_CAPTURE,
        "id-1",
        "application/json",
    )
    assert (got.app_id, got.user_id, got.expiration) == ("capflow-dispatcher", "guest", 30.0)
    assert got.headers[VERSION_HEADER] == 1
    assert str(got.headers[TRACE_HEADER]).startswith("00-")
    assert got.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
    assert got.timestamp is not None
    assert abs(got.timestamp - datetime.now(UTC)) < timedelta(seconds=5)


async def test_a_client_without_our_code_is_answered_in_its_own_queue(
    bus: RabbitBus, other: AbstractChannel
) -> None:
    async def handle(incoming: Incoming) -> None:
        start = decode(incoming, {START_CAPTURE: StartCapture})
        assert incoming.reply_to is not None
        assert incoming.user_id is None
        answer = Outgoing("answer", start.resource.encode(), correlation_id=incoming.correlation_id)
        await bus.reply(incoming.reply_to, answer)

    await bus.consume(COMMANDS_QUEUE, handle)
    answers = await other.declare_queue("billing.answers", exclusive=True)
    body = b'{"resource": "host", "service": "eth0"}'
    properties = {"type": START_CAPTURE, "reply_to": answers.name, "correlation_id": "c-1"}
    await send(other, COMMANDS, KEY, body, message_id="id-1", **properties)
    answer = await until(lambda: answers.get(fail=False))
    assert answer is not None
    assert (answer.body, answer.correlation_id) == (b"host", "c-1")


async def test_poison_is_dead_with_its_reason_and_every_healthy_message_is_handled(
    bus: RabbitBus, other: AbstractChannel
) -> None:
    handled: list[Incoming] = []
    reasons: list[str | None] = []

    async def handle(incoming: Incoming) -> None:
        decode(incoming, {START_CAPTURE: StartCapture})
        handled.append(incoming)

    async def mourn(incoming: Incoming) -> None:
        reasons.append(dead_reason(incoming))

    poison = [
        b"{",
        b"{}",
        b"x" * 5_000_000,
        pickle.dumps(object()),
        b"[" * 10_000 + b"]" * 10_000,
        gzip.compress(bytes(50_000_000)),
    ]
    healthy = b'{"resource": "host", "service": "eth0"}'
    for queue, exchange in ((COMMANDS_QUEUE, COMMANDS), (KEEPALIVE_QUEUE, KEEPALIVE)):
        await bus.consume(queue, handle)
        for body in poison:
            await send(other, exchange, KEY, body, type=START_CAPTURE, content_encoding="gzip")
            await send(other, exchange, KEY, healthy, type=START_CAPTURE)
        newer = {VERSION_HEADER: 99}
        await send(other, exchange, KEY, healthy, type=START_CAPTURE, headers=newer)
        await send(other, exchange, KEY, healthy, type=START_CAPTURE)
    await bus.consume(DEAD_QUEUE, mourn)
    await until(lambda: len(handled) == len(reasons) == 14)
    assert None not in reasons
    assert sum("bytes, more than" in str(reason) for reason in reasons) == 2
    assert reasons.count("unknown version 99: known is 1") == 2


async def test_a_huge_header_table_is_not_carried_on(
    bus: RabbitBus, other: AbstractChannel
) -> None:
    dead: list[Incoming] = []

    async def refuse(incoming: Incoming) -> None:
        decode(incoming, {START_CAPTURE: StartCapture})

    async def mourn(incoming: Incoming) -> None:
        dead.append(incoming)

    await bus.consume(COMMANDS_QUEUE, refuse)
    await bus.consume(DEAD_QUEUE, mourn)
    table: Any = {f"header-{number}": "x" * 100 for number in range(900)}
    table["nested"] = {"a": {"b": [1, 2, {"c": None}]}}
    await send(other, COMMANDS, KEY, b"{", type=START_CAPTURE, headers=table)
    await until(lambda: dead)
    assert len(dead[0].headers) < 30


@pytest.mark.parametrize("queue", [COMMANDS_QUEUE, gateway_events_queue("one")])
async def test_a_connection_that_carries_nothing_any_more_is_noticed_and_replaced(
    bus_url: str, queue: QueueSpec
) -> None:
    received: list[bytes] = []

    async def receive(incoming: Incoming) -> None:
        received.append(incoming.body)

    address = urlsplit(bus_url)
    async with TcpProxy(address.port or 0) as proxy:
        login = f"{address.username}:{address.password}@127.0.0.1:{proxy.port}"
        bus = await RabbitBus.open(urlunsplit(address._replace(netloc=login)), "test")
        direct = await RabbitBus.open(bus_url, "test")
        await bus.consume(queue, receive)
        before = bus.regained
        proxy.stall()
        await until(lambda: bus.regained > before)
        key = queue.binding.replace("#", "x")
        await until(lambda: publish_until(direct, queue.exchange, key, received))
        before = bus.regained
        proxy.cut()
        await until(lambda: bus.regained > before)
        await bus.publish(COMMANDS, KEY, Outgoing("t", b""))
        await bus.close()
        await direct.close()


async def publish_until(bus: RabbitBus, exchange: str, key: str, received: list[bytes]) -> bool:
    await bus.publish(exchange, key, Outgoing("t", b"healthy"), mandatory=False)
    await asyncio.sleep(0.1)
    return b"healthy" in received


@pytest.mark.parametrize(
    ("flag", "value"), [(1 << 5, b"\x02\xff\xfe"), (1 << 6, b"\x7f" + b"\xff" * 7)]
)
async def test_properties_that_break_the_protocol_library_do_not_stop_the_queue(
    bus: RabbitBus, other: AbstractChannel, flag: int, value: bytes
) -> None:
    handled: list[Incoming] = []

    async def handle(incoming: Incoming) -> None:
        handled.append(incoming)

    await bus.consume(COMMANDS_QUEUE, handle)
    before = bus.regained
    await publish_raw(await other.get_underlay_channel(), KEY, flag, value)
    await until(lambda: bus.regained > before or handled)
    async with asyncio.timeout(60):
        while not handled or handled[-1].body != b"healthy":
            await asyncio.sleep(0.2)
            await bus.publish(COMMANDS, KEY, Outgoing("t", b"healthy"))


async def publish_raw(channel: Any, key: str, flag: int, value: bytes) -> None:
    """Publish with one property as raw bytes, since our library would not write it so."""
    import struct

    from aiormq import spec
    from aiormq.abc import ChannelFrame
    from pamqp import frame

    method = frame.marshal(spec.Basic.Publish(exchange=COMMANDS, routing_key=key), channel.number)
    header = struct.pack(">HHQH", 60, 0, 2, flag) + value
    payload = b"".join(
        (
            method,
            struct.pack(">BHI", 2, channel.number, len(header)) + header + b"\xce",
            struct.pack(">BHI", 3, channel.number, 2) + b"{}" + b"\xce",
        )
    )
    await channel.write_queue.put(ChannelFrame(payload=payload, should_close=False))
