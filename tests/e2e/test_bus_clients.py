"""Other systems on RabbitMQ: what they publish by hand, and what they are answered."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from tests.support.bus_client import BusClient
from tests.support.outside import Rest
from tests.support.servers import Place
from tests.support.stack import RESOURCE, Stack


@pytest.fixture
def stack(distributed: Stack) -> Stack:
    return distributed


@pytest.fixture
async def other(distributed_place: Place, stack: Stack) -> AsyncIterator[BusClient]:
    async with BusClient(distributed_place.amqp_url) as client:
        yield client


async def test_a_start_written_by_hand_is_answered_and_runs(other: BusClient, rest: Rest) -> None:
    answer = await other.start(filter="udp port 9", limits={"seconds": 30})
    assert answer["accepted"] is True
    assert answer["error"] is None
    task = await rest.task(answer["task_id"], wait=30)
    assert (task["state"], task["session"]) == ("running", answer["session"])
    stopped = await other.stop(session=answer["session"])
    assert stopped["accepted"] is True
    assert (await rest.ended(answer["task_id"]))["stop_reason"] == "requested"


async def test_the_same_command_twice_is_one_capture_and_two_equal_answers(
    other: BusClient, rest: Rest
) -> None:
    command = {"resource": RESOURCE, "service": "lo", "filter": "udp port 9"}
    with_id = {**command, "task_id": str(uuid4())}
    first, second = [await other.ask("capture.start", with_id) for _ in range(2)]
    assert first == second
    assert first["task_id"] == with_id["task_id"]
    await other.stop(task_id=first["task_id"])
    await rest.ended(first["task_id"])

    message_id = str(uuid4())
    by_message = await asyncio.gather(
        *(other.ask("capture.start", command, message_id) for _ in range(3))
    )
    assert by_message[0]["accepted"] is True
    assert all(answer == by_message[0] for answer in by_message)
    await other.stop(session=by_message[0]["session"])
    await rest.ended(by_message[0]["task_id"])


async def test_fifty_starts_at_once_are_one_capture_and_forty_nine_refusals(
    other: BusClient, rest: Rest
) -> None:
    answers = await asyncio.gather(*(other.start(filter="udp port 9") for _ in range(50)))
    accepted = [answer for answer in answers if answer["accepted"]]
    refused = [answer for answer in answers if not answer["accepted"]]
    assert (len(accepted), len(refused)) == (1, 49)
    winner = (accepted[0]["task_id"], accepted[0]["session"])
    assert {answer["error"]["code"] for answer in refused} == {"already-running"}
    assert {(answer["task_id"], answer["session"]) for answer in refused} == {winner}
    await other.stop(session=accepted[0]["session"])
    await rest.ended(accepted[0]["task_id"])


async def test_refusals_on_the_bus_carry_their_code(other: BusClient) -> None:
    for fields, code in (
        ({"resource": "never-heard-of"}, "unknown-resource"),
        ({"service": "never-heard-of"}, "unknown-service"),
        ({"endpoint": "never-heard-of"}, "unknown-endpoint"),
        ({"filter": "tcp port ("}, "invalid-filter"),
    ):
        answer = await other.start(**fields)
        assert answer["accepted"] is False
        assert answer["error"]["code"] == code
        assert answer["error"]["detail"]
    unknown = await other.stop(session="host-1.lo.20200101000000")
    assert unknown["error"]["code"] == "unknown-capture"
