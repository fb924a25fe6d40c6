"""The bus when its broker is killed, frozen, short of memory, or robbed of a queue."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from subprocess import PIPE
from time import monotonic
from uuid import uuid4

import pytest

from contracts.topology import COMMANDS, COMMANDS_QUEUE, DEAD_QUEUE
from services.runtime.bus.port import Incoming, Outgoing
from services.runtime.bus.rabbit import RabbitBus
from services.runtime.errors import BusUnavailable, Unroutable
from tests.servers.rabbitmq import RabbitServer
from tests.support.wait import until

KEY = "capture.start.host.eth0"


@pytest.fixture
def broker(private_rabbitmq: RabbitServer) -> RabbitServer:
    return private_rabbitmq


@pytest.fixture
def url(private_bus_url: str) -> str:
    return private_bus_url


@pytest.fixture
async def bus(url: str) -> AsyncIterator[RabbitBus]:
    bus = await RabbitBus.open(url, "test")
    yield bus
    await bus.close()


class Received(set[bytes]):
    async def __call__(self, incoming: Incoming) -> None:
        self.add(incoming.body)


def command(body: bytes) -> Outgoing:
    return Outgoing("capture.start", body)


async def arrives(bus: RabbitBus, received: Received, within: float) -> None:
    """A message sent now, and again where the broker is away, is received `within` seconds."""
    body = uuid4().hex.encode()
    deadline = monotonic() + within
    while monotonic() < deadline and body not in received:
        try:
            await bus.publish(COMMANDS, KEY, command(body))
            await until(lambda: body in received, timeout=0.5)
        except (BusUnavailable, Unroutable, AssertionError):
            continue
    assert body in received, f"not received within {within} s"


async def test_a_broker_killed_and_restarted_loses_nothing_that_it_confirmed(
    broker: RabbitServer, bus: RabbitBus
) -> None:
    confirmed, received, stop = Received(), Received(), asyncio.Event()

    async def publish_on(number: int) -> None:
        count = 0
        while not stop.is_set():
            count += 1
            body = f"{number}-{count}".encode()
            try:
                await bus.publish(COMMANDS, KEY, command(body))
                confirmed.add(body)
            except BusUnavailable:
                continue

    await bus.consume(COMMANDS_QUEUE, received)
    publishers = [asyncio.create_task(publish_on(number)) for number in range(5)]
    await until(lambda: len(confirmed) > 100)
    await asyncio.to_thread(broker.kill)
    await until(lambda: not bus.connected)
    before, lost_at = len(confirmed), bus.regained
    await asyncio.to_thread(broker.start)
    await until(lambda: bus.connected and len(confirmed) > before + 100, timeout=20)
    stop.set()
    await asyncio.gather(*publishers)
    await until(lambda: received >= confirmed)
    assert bus.regained > lost_at


async def test_a_frozen_broker_is_an_error_in_seconds_and_no_task_dies(
    broker: RabbitServer, bus: RabbitBus
) -> None:
    received = Received()
    await bus.consume(COMMANDS_QUEUE, received)
    await arrives(bus, received, within=30)
    tasks = {task.get_name() for task in asyncio.all_tasks()}
    broker.freeze()
    for _ in range(3):
        began = monotonic()
        with pytest.raises(BusUnavailable):
            await bus.publish(COMMANDS, KEY, command(b"{}"))
        assert monotonic() - began < 20
    assert not bus.connected
    broker.thaw()
    await arrives(bus, received, within=30)
    assert bus.connected
    ours = {name for name in tasks if not name.startswith("Task-")}
    assert ours <= {task.get_name() for task in asyncio.all_tasks()}


async def test_consumers_are_back_soon_after_each_of_many_closed_connections(
    broker: RabbitServer, bus: RabbitBus
) -> None:
    received = Received()
    await bus.consume(COMMANDS_QUEUE, received)
    for _ in range(5):
        before = bus.regained
        await close_connections(broker)
        await arrives(bus, received, within=30)
        assert bus.regained > before


async def test_a_mailbox_works_again_after_its_connection_was_closed(
    broker: RabbitServer, bus: RabbitBus
) -> None:
    answers: list[Incoming] = []

    async def answer(incoming: Incoming) -> None:
        await bus.reply(incoming.reply_to or "", command(incoming.body))

    await bus.consume(COMMANDS_QUEUE, answer)
    mailbox = await bus.mailbox(answers.append)
    await mailbox.send(COMMANDS, KEY, command(b"before"))
    await until(lambda: answers)
    await close_connections(broker)
    await mailbox.send(COMMANDS, KEY, command(b"after"))
    await until(lambda: answers[-1].body == b"after")


async def test_a_queue_deleted_under_its_consumer_is_back(
    broker: RabbitServer, bus: RabbitBus, url: str
) -> None:
    received, vhost = Received(), url.rsplit("/", 1)[1]
    await bus.consume(COMMANDS_QUEUE, received)
    for queue in (COMMANDS_QUEUE, DEAD_QUEUE):
        broker.management.call("DELETE", "queues", vhost, queue.name)
    await arrives(bus, received, within=30)
    await until(lambda: queue_names(broker, vhost) >= {DEAD_QUEUE.name})


async def test_a_binding_removed_is_back_and_until_then_a_command_is_unroutable(
    broker: RabbitServer, bus: RabbitBus, url: str
) -> None:
    received, vhost = Received(), url.rsplit("/", 1)[1]
    await bus.consume(COMMANDS_QUEUE, received)
    path = ("bindings", vhost, "e", COMMANDS, "q", COMMANDS_QUEUE.name)
    for binding in broker.management.call("GET", *path):
        broker.management.call("DELETE", *path, binding["properties_key"])
    with pytest.raises(Unroutable):
        await bus.publish(COMMANDS, KEY, command(b"{}"))
    await arrives(bus, received, within=30)


async def test_a_broker_short_of_memory_is_an_error_in_seconds_and_consumers_drain(
    broker: RabbitServer, bus: RabbitBus, url: str
) -> None:
    received = Received()
    for number in range(20):
        await bus.publish(COMMANDS, KEY, command(b"%d" % number))
    await asyncio.to_thread(broker.control, "set_vm_memory_high_watermark", "absolute", "1MB")
    try:
        await bus.consume(COMMANDS_QUEUE, received)
        await until(lambda: len(received) == 20)
        for _ in range(3):
            began = monotonic()
            with pytest.raises(BusUnavailable):
                await bus.publish(COMMANDS, KEY, command(b"{}"))
            assert monotonic() - began < 20
        vhost = url.rsplit("/", 1)[1]
        assert len(broker.management.call("GET", "vhosts", vhost, "connections")) <= 4
    finally:
        await asyncio.to_thread(broker.control, "set_vm_memory_high_watermark", "0.4")
    await arrives(bus, received, within=30)


async def test_a_bus_opens_before_its_broker_and_connects_when_that_is_there(
    broker: RabbitServer, url: str
) -> None:
    received = Received()
    await asyncio.to_thread(broker.kill)
    bus = await RabbitBus.open(url, "test")
    assert not bus.connected
    await bus.consume(COMMANDS_QUEUE, received)
    await asyncio.to_thread(broker.start)
    await arrives(bus, received, within=30)
    await bus.close()


@pytest.mark.parametrize("action", ["close", "leave"])
async def test_a_process_ends_though_the_broker_is_frozen(
    broker: RabbitServer, url: str, action: str
) -> None:
    command_line = [sys.executable, "-c", USER_OF_THE_BUS, url, action]
    with subprocess.Popen(command_line, stdin=PIPE, stdout=PIPE) as process:
        try:
            assert process.stdout is not None
            while await asyncio.to_thread(process.stdout.readline) != b"ready\n":
                assert process.poll() is None
            broker.freeze()
            began = monotonic()
            await asyncio.to_thread(process.communicate, b"end\n", timeout=30)
            assert process.returncode == 0
            assert monotonic() - began < 20
        finally:
            process.kill()


USER_OF_THE_BUS = """
import asyncio, sys
from contracts.topology import COMMANDS_QUEUE
from services.runtime.bus.rabbit import RabbitBus

async def handle(incoming): ...

async def main(url, action):
    bus = await RabbitBus.open(url, "test")
    subscription = await bus.consume(COMMANDS_QUEUE, handle)
    await bus.mailbox(print)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    if action == "close":
        await subscription.cancel()
        await bus.close()

asyncio.run(main(*sys.argv[1:]))
"""


async def close_connections(broker: RabbitServer) -> None:
    await asyncio.to_thread(broker.control, "close_all_connections", "--global", "test")


def queue_names(broker: RabbitServer, vhost: str) -> set[str]:
    return {queue["name"] for queue in broker.management.call("GET", "queues", vhost)}
