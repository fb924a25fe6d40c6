"""The rules of the bus that need no bus."""

import asyncio
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.topology import COMMANDS_QUEUE, TRACE_HEADER, gateway_events_queue
from services.runtime.bus.ackrule import AckRule, Pause, Verdict, verdict
from services.runtime.bus.limits import MAX_MESSAGE_BYTES
from services.runtime.bus.memory import MemoryBus
from services.runtime.bus.memory_queue import MAX_MESSAGES
from services.runtime.bus.opening import open_bus
from services.runtime.bus.port import Incoming, Outgoing
from services.runtime.bus.replyto import check_reply_to
from services.runtime.bus.topics import matches
from services.runtime.bus.trace import adopt, traceparent
from services.runtime.errors import (
    BadSetting,
    BusUnavailable,
    StoreUnavailable,
    Undecodable,
    Unroutable,
)


@pytest.mark.parametrize(
    ("binding", "key", "fits"),
    [
        ("#", "", True),
        ("#", "a.b.c", True),
        ("capture.#", "capture", True),
        ("capture.#", "capture.start.host.eth0", True),
        ("capture.#", "captures.start", False),
        ("*", "host", True),
        ("*", "a.b", False),
        ("a.*.c", "a.b.c", True),
        ("a.*.c", "a.c", False),
        ("a.#.c", "a.c", True),
        ("a.#.c", "a.b.b.c", True),
        ("#.c.#", "a.b.c.d", True),
        ("a.b", "a.b", True),
        ("a.b", "a.b.c", False),
    ],
)
def test_a_binding_fits_as_the_protocol_says(binding: str, key: str, fits: bool) -> None:
    assert matches(binding, key) is fits


words = st.lists(st.sampled_from(["a", "b", ""]), min_size=1, max_size=6)


@given(key=words)
def test_every_key_fits_itself_and_the_hash(key: list[str]) -> None:
    assert matches(".".join(key), ".".join(key))
    assert matches("#", ".".join(key))
    assert matches(".".join("*" for _ in key), ".".join(key))


@given(binding=st.lists(st.sampled_from(["a", "b", "*", "#"]), min_size=1, max_size=5), key=words)
def test_a_binding_fits_like_the_same_regular_expression(
    binding: list[str], key: list[str]
) -> None:
    # A word and the dot before it, so that `#` may stand for none at all.
    parts = {"*": r"\.[^.]*", "#": r"(\.[^.]*)*"}
    pattern = "".join(parts.get(word, rf"\.{word}") for word in binding)
    expected = re.fullmatch(pattern, "." + ".".join(key)) is not None
    assert matches(".".join(binding), ".".join(key)) is expected


@pytest.mark.parametrize(
    "address", ["amq.rabbitmq.reply-to.g1h2.abc==", "mine", "amqp", "capflowx"]
)
def test_direct_and_foreign_addresses_may_be_answered(address: str) -> None:
    check_reply_to(address)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (None, Verdict.DONE),
        (StoreUnavailable("away"), Verdict.AGAIN),
        (BusUnavailable("away"), Verdict.AGAIN),
        (Undecodable("bad"), Verdict.DEAD),
        (Unroutable("nobody"), Verdict.DEAD),
        (KeyError("bug"), Verdict.DEAD),
    ],
)
def test_how_a_handler_ends_decides_what_becomes_of_its_message(
    error: Exception | None, expected: Verdict
) -> None:
    assert verdict(error) is expected


async def test_of_failures_begun_together_only_the_first_lengthens_the_pause() -> None:
    pause = Pause()
    assert [pause.lengthen(), pause.lengthen(), pause.lengthen()] == [True, False, False]
    await asyncio.wait_for(pause.over(), 15)
    assert pause.lengthen()


async def test_ending_a_pause_wakes_whoever_waits() -> None:
    pause = Pause()
    for _ in range(8):
        pause.lengthen()
        pause._until = min(pause._until, asyncio.get_running_loop().time())
    pause.lengthen()
    waiting = asyncio.create_task(pause.over())
    await asyncio.sleep(0)
    pause.end()
    await asyncio.wait_for(waiting, 0.1)


async def settle(rule: AckRule, body: bytes = b"{}") -> bool:
    return await rule.settle(Incoming("t", body, "id", "key"), lambda: True)


async def test_a_message_waits_until_its_dead_copy_is_safe() -> None:
    tries: list[str] = []

    async def handle(incoming: Incoming) -> None:
        raise Undecodable("bad")

    async def bury(incoming: Incoming, reason: str) -> None:
        tries.append(reason)
        if len(tries) < 3:
            raise BusUnavailable("away")

    assert await settle(AckRule(COMMANDS_QUEUE, handle, bury))
    assert tries == ["bad"] * 3


async def test_a_message_that_is_not_ours_any_more_is_not_tried_again() -> None:
    tries: list[Incoming] = []

    async def handle(incoming: Incoming) -> None:
        tries.append(incoming)
        raise StoreUnavailable("away")

    async def bury(incoming: Incoming, reason: str) -> None:
        raise AssertionError

    rule = AckRule(COMMANDS_QUEUE, handle, bury)
    assert not await rule.settle(Incoming("t", b"", "id", "key"), lambda: not tries)
    assert len(tries) == 1


async def test_a_large_message_is_dead_only_where_there_are_dead_letters() -> None:
    handled, buried = [], []

    async def handle(incoming: Incoming) -> None:
        handled.append(incoming)

    async def bury(incoming: Incoming, reason: str) -> None:
        buried.append(reason)

    for queue in (COMMANDS_QUEUE, gateway_events_queue("one")):
        await settle(AckRule(queue, handle, bury), b"x" * (MAX_MESSAGE_BYTES + 1))
    assert (len(handled), len(buried)) == (1, 1)


async def test_a_cancellation_of_somebody_else_is_tried_again_and_ours_is_not_swallowed() -> None:
    tries = 0

    async def handle(incoming: Incoming) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise asyncio.CancelledError("the library's")
        await asyncio.Event().wait()

    async def bury(incoming: Incoming, reason: str) -> None:
        raise AssertionError

    settling = asyncio.create_task(settle(AckRule(COMMANDS_QUEUE, handle, bury)))
    while tries < 2:
        await asyncio.sleep(0.01)
    settling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await settling


def test_a_trace_goes_on_with_a_new_span() -> None:
    trace = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"
    adopt({TRACE_HEADER: trace})
    first, second = traceparent(), traceparent()
    assert first.split("-")[1] == second.split("-")[1] == trace.split("-")[1]
    assert len({first, second, trace}) == 3


@pytest.mark.parametrize("given", [None, 1, "", "00-0-0-01", f"00-{'0' * 32}-{'1' * 16}-01"])
def test_a_trace_that_cannot_be_read_is_a_new_one(given: object) -> None:
    adopt({TRACE_HEADER: given})
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", traceparent())


async def test_a_full_queue_of_commands_refuses_and_one_of_events_drops_its_oldest() -> None:
    bus = MemoryBus()
    for _ in range(MAX_MESSAGES):
        await bus.publish("capflow.commands", "capture.start", Outgoing("t", b""))
        await bus.publish("capflow.keepalive", "host", Outgoing("t", b""))
    with pytest.raises(BusUnavailable, match="full"):
        await bus.publish("capflow.commands", "capture.start", Outgoing("t", b""))
    await bus.publish("capflow.keepalive", "host", Outgoing("t", b""))
    assert bus.waiting("capflow.dispatcher.keepalive") == MAX_MESSAGES
    assert bus.dropped("capflow.dispatcher.keepalive") == 1


@pytest.mark.parametrize("url", ["http://host", "", "host:5672", "amqp://", "amqp://[::1"])
async def test_an_address_that_is_none_is_refused_with_what_it_may_be(url: str) -> None:
    with pytest.raises(BadSetting, match="CAPFLOW_BUS_URL must be"):
        await open_bus(url, "test")
