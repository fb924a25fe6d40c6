"""The shipped definitions: they agree with what the services declare, and their users may do
what they must and nothing else."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import aio_pika
import pytest
from aiormq.exceptions import AMQPError, ChannelAccessRefused, ChannelPreconditionFailed

from contracts.topology import (
    COMMANDS,
    COMMANDS_QUEUE,
    DEAD_QUEUE,
    EVENTS,
    KEEPALIVE,
    KEEPALIVE_QUEUE,
    REPORTS_QUEUE,
    gateway_events_queue,
)
from services.runtime.bus.deadletter import dead_reason
from services.runtime.bus.port import Incoming, Outgoing
from services.runtime.bus.rabbit import RabbitBus
from services.runtime.bus.requests import Requests
from services.runtime.errors import BusUnavailable, Undecodable
from tests.servers.management import DEPLOY, Management, definitions, vhost_definitions
from tests.servers.rabbitmq import PROGRAMS, RabbitServer
from tests.support.wait import until

AGENT = "host1"
Opener = Callable[[str], Awaitable[RabbitBus]]


@pytest.fixture
def users(management: Management, bus_vhost: str) -> Iterator[dict[str, str]]:
    """A user of this test for each service, with the shipped permissions; service to user."""
    tail = uuid4().hex[:6]
    named = {
        "gateway": f"capflow-gateway-{tail}",
        "dispatcher": f"capflow-dispatcher-{tail}",
        "agent": f"{AGENT}-{tail}",
    }
    for service, user in named.items():
        management.make_user(user, f"capflow-{service}", bus_vhost)
    yield named
    for user in named.values():
        management.drop_user(user)


@pytest.fixture
def url_of(bus_url: str, users: dict[str, str]) -> Callable[[str], str]:
    def of(service: str) -> str:
        parts = urlsplit(bus_url)
        login = f"{users[service]}:secret@{parts.hostname}:{parts.port}"
        return urlunsplit(parts._replace(netloc=login))

    return of


@pytest.fixture
async def connect(url_of: Callable[[str], str]) -> AsyncIterator[Opener]:
    """Opens the bus as one of the services, with that service's user."""
    opened: list[RabbitBus] = []

    async def opener(service: str) -> RabbitBus:
        opened.append(await RabbitBus.open(url_of(service), service))
        return opened[-1]

    yield opener
    for bus in opened:
        await bus.close()


def message(body: bytes = b"{}", **fields: Any) -> Outgoing:
    return Outgoing("test.type", body, **fields)


async def test_what_the_dispatcher_declares_is_what_the_definitions_say(
    management: Management, bus_vhost: str, connect: Opener
) -> None:
    await connect("dispatcher")
    for kind, keys in (
        ("exchanges", ("name", "type", "durable", "arguments")),
        ("queues", ("name", "durable", "arguments")),
        ("bindings", ("source", "destination", "routing_key")),
    ):
        declared = [_only(keys, one) for one in management.call("GET", kind, bus_vhost)]
        shipped = [_only(keys, one) for one in vhost_definitions(kind)[kind]]
        ours = [one for one in declared if one[0] and not one[0].startswith("amq.")]
        assert sorted(ours) == sorted(shipped)


async def test_the_declarations_do_not_clash_with_loaded_definitions(
    management: Management, bus_vhost: str, bus_url: str
) -> None:
    kinds = vhost_definitions("exchanges", "queues", "bindings", "policies")
    management.call("POST", "definitions", bus_vhost, body=kinds)
    bus, dead = await RabbitBus.open(bus_url, "dispatcher"), []

    async def refuse(incoming: Incoming) -> None:
        raise Undecodable("no")

    async def bury(incoming: Incoming) -> None:
        dead.append(dead_reason(incoming))

    await bus.consume(COMMANDS_QUEUE, refuse)
    await bus.consume(DEAD_QUEUE, bury)
    await bus.publish(COMMANDS, "capture.start.a.b", message())
    await until(lambda: dead == ["no"])
    await bus.close()


async def test_each_queue_has_its_policy(
    management: Management, bus_vhost: str, connect: Opener
) -> None:
    await connect("dispatcher")
    expected = {
        "capflow.dispatcher.commands": ("delivery-limit", 20),
        "capflow.dispatcher.reports": ("delivery-limit", 20),
        "capflow.dispatcher.keepalive": ("message-ttl", 15_000),
        "capflow.dead": ("overflow", "drop-head"),
    }

    async def in_force() -> bool:
        queues = await asyncio.to_thread(management.call, "GET", "queues", bus_vhost)
        policies = {one["name"]: one.get("effective_policy_definition") or {} for one in queues}
        return all(policies[name].get(key) == value for name, (key, value) in expected.items())

    await until(in_force, timeout=20, every=0.2)


async def test_every_queue_of_the_design_is_bounded_by_a_policy() -> None:
    bounded = {one["name"] for one in definitions()["policies"] if one["definition"]["max-length"]}
    assert len(bounded) == len(definitions()["policies"]) == 5


async def test_each_service_can_do_its_part(connect: Opener, users: dict[str, str]) -> None:
    dispatcher, gateway, agent = [await connect(name) for name in users_of_the_flow]
    heard: list[tuple[str, str | None]] = []
    wanted: list[Incoming] = []

    async def command(incoming: Incoming) -> None:
        assert incoming.reply_to is not None
        answer = message(correlation_id=incoming.correlation_id)
        await dispatcher.reply(incoming.reply_to, answer)

    async def keepalive(incoming: Incoming) -> None:
        assert incoming.reply_to is not None
        heard.append((incoming.routing_key, incoming.user_id))
        await dispatcher.reply(incoming.reply_to, message())
        await dispatcher.publish(EVENTS, "task.running.host1.eth0", message())

    async def hear(incoming: Incoming) -> None:
        heard.append((incoming.routing_key, incoming.user_id))

    await dispatcher.consume(COMMANDS_QUEUE, command)
    await dispatcher.consume(KEEPALIVE_QUEUE, keepalive)
    await dispatcher.consume(REPORTS_QUEUE, hear)
    await dispatcher.consume(DEAD_QUEUE, hear)
    await gateway.consume(gateway_events_queue("one"), hear)
    async with Requests(gateway) as requests:
        await requests.ask(COMMANDS, "capture.start.host1.eth0", message(), timeout=30)
    mailbox = await agent.mailbox(wanted.append)
    await mailbox.send(KEEPALIVE, users["agent"], message())
    report = f"report.running.{users['agent']}.eth0"
    await agent.publish(EVENTS, report, message())
    await until(lambda: wanted and len(heard) == 3)
    assert set(heard) == {
        (users["agent"], users["agent"]),
        (report, users["agent"]),
        ("task.running.host1.eth0", users["dispatcher"]),
    }


users_of_the_flow = ("dispatcher", "gateway", "agent")


@pytest.mark.parametrize(
    ("service", "exchange", "key"),
    [
        ("agent", KEEPALIVE, "another"),
        ("agent", EVENTS, "report.running.another.eth0"),
        ("agent", EVENTS, "task.running.host1.eth0"),
        ("agent", COMMANDS, "capture.start.host1.eth0"),
        ("agent", "capflow.dead", ""),
        ("gateway", KEEPALIVE, "host1"),
        ("gateway", EVENTS, "task.running.host1.eth0"),
        ("gateway", COMMANDS, "other.key"),
        ("dispatcher", COMMANDS, "capture.start.host1.eth0"),
        ("dispatcher", EVENTS, "report.running.host1.eth0"),
    ],
)
async def test_nobody_publishes_what_is_not_theirs(
    connect: Opener, service: str, exchange: str, key: str
) -> None:
    bus = await connect(service)
    with pytest.raises(BusUnavailable, match="refuses"):
        await bus.publish(exchange, key, message())


@pytest.mark.parametrize("queue", [COMMANDS_QUEUE, KEEPALIVE_QUEUE, REPORTS_QUEUE, DEAD_QUEUE])
@pytest.mark.parametrize("service", ["gateway", "agent"])
async def test_only_the_dispatcher_reads_its_queues(
    connect: Opener, url_of: Callable[[str], str], service: str, queue: Any
) -> None:
    await connect("dispatcher")
    async with await aio_pika.connect(url_of(service)) as connection:
        channel = await (await connection.channel()).get_underlay_channel()
        with pytest.raises(ChannelAccessRefused):
            await channel.basic_consume(queue.name, _ignore)


@pytest.mark.parametrize(
    "name", ["mine", "capflow.dispatcher.commands", "capflow.gateway.x.events"]
)
async def test_an_agent_declares_no_queue(url_of: Callable[[str], str], name: str) -> None:
    async with await aio_pika.connect(url_of("agent")) as connection:
        channel = await connection.channel()
        with pytest.raises(AMQPError):
            await channel.declare_queue(name, durable=True)


async def test_an_agent_cannot_forge_who_it_is(
    connect: Opener, url_of: Callable[[str], str], users: dict[str, str]
) -> None:
    await connect("dispatcher")
    async with await aio_pika.connect(url_of("agent")) as connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange(KEEPALIVE, ensure=False)
        forged = aio_pika.Message(b"{}", user_id="somebody-else")
        with pytest.raises(ChannelPreconditionFailed):
            await exchange.publish(forged, routing_key=users["agent"])


async def test_a_broker_with_the_shipped_files_serves_their_users_and_a_new_agent(
    private_rabbitmq: RabbitServer,
) -> None:
    script = [str(DEPLOY / "add-agent"), "web-01"]
    environment = {"PATH": f"{PROGRAMS}:/usr/bin:/bin", **private_rabbitmq.environment()}
    subprocess.run(script, env=environment, input=b"secret\n", check=True, capture_output=True)
    for user, password in (
        ("capflow-gateway", "change-me-gateway"),
        ("capflow-dispatcher", "change-me-dispatcher"),
        ("capflow-agent", "change-me-agent"),
        ("web-01", "secret"),
    ):
        url = f"amqp://{user}:{password}@127.0.0.1:{private_rabbitmq.port}/"
        await (await aio_pika.connect(url)).close()
    agent = await RabbitBus.open(url, "agent")
    await agent.publish(KEEPALIVE, "web-01", message())
    with pytest.raises(BusUnavailable, match="refuses"):
        await agent.publish(KEEPALIVE, "web-02", message())
    await agent.close()


def test_a_name_that_no_resource_may_have_is_refused() -> None:
    refused = subprocess.run([str(DEPLOY / "add-agent"), "a;id"], check=False, capture_output=True)
    assert refused.returncode == 2
    assert b"a;id" in refused.stderr


async def _ignore(_: object) -> None:
    return


def _only(keys: tuple[str, ...], one: dict[str, Any]) -> list[str]:
    return [str(one[key] if key != "arguments" else sorted(one[key].items())) for key in keys]
