"""Requests and their answers on every bus."""

import asyncio
from collections.abc import Sequence

import pytest

from contracts.topology import (
    COMMANDS,
    COMMANDS_QUEUE,
    KEEPALIVE,
    KEEPALIVE_QUEUE,
)
from services.runtime.bus.port import Bus, Incoming, Outgoing
from services.runtime.bus.requests import NoAnswer, Requests
from tests.conformance.conftest import Opener
from tests.conformance.inbox import Inbox, message
from tests.support.wait import until


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
