"""Starts that are repeated, refused, too many, or not answered."""

import asyncio
from pathlib import Path
from time import monotonic
from uuid import UUID, uuid4

import pytest

from contracts.commands import CommandReply
from contracts.rest import Role
from contracts.task import Failure
from services.gateway import commands
from services.runtime.errors import BusUnavailable, StoreUnavailable, TasksUnavailable
from tests.gateway.world import World, settings, world

START = {"resource": "web-1", "service": "eth0"}
KEY = {"Idempotency-Key": "deploy-42"}


async def test_the_same_key_and_body_twice_is_one_capture_and_equal_answers(
    gateway: World,
) -> None:
    answers = [
        (await gateway.http.post("/v1/captures", json=START, headers=KEY)).json() for _ in range(2)
    ]
    for name in ("task_id", "session", "limits"):
        assert answers[0][name] == answers[1][name]
    assert len((await gateway.http.get("/v1/captures")).json()["items"]) == 1


async def test_the_same_key_with_another_body_is_refused(gateway: World) -> None:
    await gateway.http.post("/v1/captures", json=START, headers=KEY)
    answer = await gateway.http.post("/v1/captures", json=START | {"filter": "udp"}, headers=KEY)
    assert (answer.status_code, answer.json()["code"]) == (409, "task-id-reused")


async def test_the_same_key_of_another_caller_is_another_start(embedded: World) -> None:
    first = await embedded.http.post("/v1/captures", json=START, headers=KEY)
    async with embedded.client(await embedded.key(Role.OPERATOR)) as http:
        other = await http.post("/v1/captures", json=START | {"service": "eth1"}, headers=KEY)
    assert other.status_code == 202
    assert other.json()["task_id"] != first.json()["task_id"]


async def test_a_chosen_task_id_is_the_tasks(embedded: World) -> None:
    chosen = str(uuid4())
    assert (await embedded.start(task_id=chosen))["task_id"] == chosen
    assert (await embedded.start(task_id=chosen))["task_id"] == chosen


async def test_a_task_id_that_is_not_the_keys_is_refused(embedded: World) -> None:
    made = (await embedded.http.post("/v1/captures", json=START, headers=KEY)).json()["task_id"]
    with_it = START | {"task_id": made}
    again = await embedded.http.post("/v1/captures", json=with_it, headers=KEY)
    assert (again.status_code, again.json()["task_id"]) == (202, made)
    with_another = START | {"task_id": str(uuid4())}
    answer = await embedded.http.post("/v1/captures", json=with_another, headers=KEY)
    assert (answer.status_code, answer.json()["field"]) == (422, "task_id")


@pytest.mark.parametrize("key", ["", "x" * 256, "two words", "smile\xff"])
async def test_a_key_that_cannot_be_one_is_refused(embedded: World, key: str) -> None:
    headers = [(b"Idempotency-Key", key.encode("latin-1"))]
    answer = await embedded.http.post("/v1/captures", json=START, headers=headers)
    assert (answer.status_code, answer.json()["field"]) == (422, "idempotency-key")


@pytest.mark.parametrize(
    ("code", "status", "field"),
    [
        ("unknown-resource", 404, None),
        ("unknown-service", 404, None),
        ("resource-offline", 409, None),
        ("task-id-reused", 409, None),
        ("invalid-filter", 422, "filter"),
        ("unknown-endpoint", 422, "endpoint"),
        ("not-ready", 503, None),
        ("of-a-newer-version", 503, None),
    ],
)
async def test_each_refusal_has_its_status(
    embedded: World, code: str, status: int, field: str | None
) -> None:
    error = Failure(code=code, detail="in the dispatcher's own words")
    embedded.dispatcher.refusal = CommandReply(accepted=False, error=error)
    answer = await embedded.http.post("/v1/captures", json=START)
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem.get("field")) == (status, code, field)
    assert "in the dispatcher's own words" in problem["detail"]
    if status == 503:
        assert answer.headers["retry-after"]
        assert UUID(problem["task_id"]).version == 4


async def test_a_start_that_nobody_answers_is_a_503_with_the_task_id_to_retry_with(
    gateway: World,
) -> None:
    gateway.dispatcher.silent = True
    began = monotonic()
    answer = await gateway.http.post("/v1/captures", json=START)
    assert monotonic() - began < 20
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (503, "no-answer")
    assert int(answer.headers["retry-after"]) >= 1
    gateway.dispatcher.silent = False
    again = await gateway.start(task_id=problem["task_id"])
    assert again["task_id"] == problem["task_id"]


async def test_without_a_broker_a_start_is_a_503_and_never_a_202(
    embedded: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise BusUnavailable("the broker does not answer")

    monkeypatch.setattr(embedded.bus, "send_from", away)
    for path in ("/v1/captures", "/v1/captures/web-1.eth0.20261123215502/stop"):
        answer = await embedded.http.post(path, json=START)
        assert (answer.status_code, answer.json()["code"]) == (503, "bus-unavailable")
        assert answer.headers["retry-after"] == "2"
    task_id = (await embedded.http.post("/v1/captures", json=START, headers=KEY)).json()["task_id"]
    monkeypatch.undo()
    started = await embedded.http.post("/v1/captures", json=START, headers=KEY)
    assert started.json()["task_id"] == task_id


async def test_a_start_that_no_queue_takes_is_a_503(
    embedded: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from services.runtime.errors import Unroutable

    def nowhere(*_: object) -> None:
        raise Unroutable("no queue takes capture.start.web-1.eth0")

    monkeypatch.setattr(embedded.bus, "send_from", nowhere)
    answer = await embedded.http.post("/v1/captures", json=START)
    assert (answer.status_code, answer.json()["code"]) == (503, "bus-unavailable")


async def test_without_a_task_store_reads_are_503s(
    embedded: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = await embedded.start()

    def away(*_: object, **__: object) -> None:
        raise TasksUnavailable("the task store does not answer")

    for name in ("pipeline", "zrange", "zscore"):
        monkeypatch.setattr(embedded.tasks, name, away)
    session = started["session"]
    paths = ["/v1/resources", "/v1/resources/web-1", f"/v1/tasks/{started['task_id']}?wait=5"]
    for path in (*paths, "/v1/captures", f"/v1/captures/{session}"):
        answer = await embedded.http.get(path)
        assert (answer.status_code, answer.json()["code"]) == (503, "tasks-unavailable"), path
        assert answer.headers["retry-after"]


async def test_without_a_packet_store_reads_are_503s(
    embedded: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = await embedded.start()
    await embedded.dispatcher.ends(started["task_id"])
    await embedded.tasks.flushdb()

    async def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("the endpoint does not answer")

    for name in ("session", "session_of_task", "list_sessions"):
        monkeypatch.setattr(embedded.store, name, away, raising=True)
    session = started["session"]
    for method, path in (
        ("GET", f"/v1/tasks/{started['task_id']}"),
        ("GET", "/v1/captures"),
        ("GET", f"/v1/captures/{session}"),
        ("GET", f"/v1/captures/{session}/packets"),
        ("GET", f"/v1/captures/{session}/pcapng"),
        ("POST", f"/v1/captures/{session}/ticket"),
        ("DELETE", f"/v1/captures/{session}"),
    ):
        answer = await embedded.http.request(method, path)
        assert (answer.status_code, answer.json()["code"]) == (503, "store-unavailable"), path


async def test_a_file_is_refused_while_an_error_can_still_be_told(
    embedded: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = await embedded.start()

    async def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("the endpoint does not answer")

    monkeypatch.setattr(embedded.store, "read_blocks", away)
    answer = await embedded.http.get(f"/v1/captures/{started['session']}/pcapng")
    assert (answer.status_code, answer.json()["code"]) == (503, "store-unavailable")


async def test_fifty_starts_at_once_are_one_capture_and_49_refusals(
    gateway: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "ANSWER_TIMEOUT", 60)  # how fast they are is for the benches
    answers = await asyncio.gather(
        *(gateway.http.post("/v1/captures", json=START) for _ in range(50))
    )
    codes = [answer.status_code for answer in answers]
    assert sorted(codes) == [202] + [403] * 49
    started = next(answer.json() for answer in answers if answer.status_code == 202)
    refusals = [answer.json() for answer in answers if answer.status_code == 403]
    assert {refusal["session"] for refusal in refusals} == {started["session"]}


async def test_one_client_past_its_quota_is_held_back_and_others_are_not(tmp_path: Path) -> None:
    async with world(settings(tmp_path, starts_per_minute=5)) as small:
        codes = [(await small.http.post("/v1/captures", json=START)).status_code for _ in range(8)]
        assert codes[:5] == [202] + [403] * 4
        limited = await small.http.post("/v1/captures", json=START)
        assert (limited.status_code, limited.json()["code"]) == (429, "too-many-starts")
        assert int(limited.headers["retry-after"]) >= 1
        async with small.client(await small.key(Role.OPERATOR)) as http:
            other = await http.post("/v1/captures", json=START | {"service": "eth1"})
        assert other.status_code == 202
