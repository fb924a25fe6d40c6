"""The Python client: calls, answers and refusals."""

import json
from uuid import UUID

import httpx2
import pytest

from contracts.rest import StartRequest
from services.client.api import Gateway
from services.client.errors import ApiError, GatewayAway
from tests.support.stub_capflow import KEY, SESSION, TASK_ID, StubCapflow, stub_capflow


def gateway(handler: httpx2.MockTransport) -> Gateway:
    return Gateway("http://capflow.test", KEY, handler)


async def test_a_start_sends_the_key_and_what_was_asked_and_nothing_else() -> None:
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(202, json=StubCapflow()._default("/v1/captures")[1])

    async with gateway(httpx2.MockTransport(answer)) as client:
        started = await client.start(StartRequest(resource="host-1", service="lo"), "once")
    assert started.task_id == UUID(TASK_ID)
    assert seen[0].headers["Authorization"] == f"Bearer {KEY}"
    assert seen[0].headers["Idempotency-Key"] == "once"
    assert "task_id" not in json.loads(seen[0].content)


async def test_a_refusal_carries_code_detail_and_the_seconds_to_wait() -> None:
    problem = {"type": "/problems/not-ready", "title": "Not ready", "status": 503,
               "detail": "wait for the agent", "code": "not-ready"}  # fmt: skip
    answer = httpx2.Response(503, json=problem, headers={"Retry-After": "5"})
    async with gateway(httpx2.MockTransport(lambda _: answer)) as client:
        with pytest.raises(ApiError, match="wait for the agent") as refused:
            await client.capture(SESSION)
    assert refused.value.code == "not-ready"
    assert refused.value.retry_after == 5


async def test_a_refusal_by_something_in_between_is_an_error_too() -> None:
    answer = httpx2.Response(502, text="<html>Bad Gateway</html>")
    async with gateway(httpx2.MockTransport(lambda _: answer)) as client:
        with pytest.raises(ApiError, match="502"):
            await client.captures()


async def test_a_gateway_that_answers_too_late_is_away() -> None:
    def late(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ReadTimeout("late", request=request)

    async with gateway(httpx2.MockTransport(late)) as client:
        with pytest.raises(GatewayAway, match="in time"):
            await client.resources()


async def test_a_file_comes_in_pieces_and_a_refused_one_is_an_error() -> None:
    answers = [httpx2.Response(200, content=b"pcapng"), httpx2.Response(404)]
    async with gateway(httpx2.MockTransport(lambda _: answers.pop(0))) as client:
        async with client.pcapng(SESSION) as download:
            assert b"".join([piece async for piece in download.pieces]) == b"pcapng"
        with pytest.raises(ApiError):
            async with client.pcapng(SESSION):
                pass


async def test_events_are_tasks() -> None:
    async with stub_capflow() as stub, Gateway(stub.url, KEY) as client:
        task = await client.task(UUID(TASK_ID))
        stub.answers["GET", "/v1/events"] = (
            200,
            f"event: task\ndata: {task.model_dump_json()}\n\n",
        )
        assert [event async for event in client.events()] == [task]
