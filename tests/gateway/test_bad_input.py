"""Bad input at the REST border: a problem that names the field and what it may be."""

import asyncio
import json
from typing import Any

import httpx2
import pytest
import structlog

from tests.gateway.world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")

START = {"resource": "web-1", "service": "eth0"}
SESSION = "web-1.eth0.20261123215502"


def is_problem(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """The answer's body, which must be this problem."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem: dict[str, Any] = answer.json()
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert problem["type"].endswith(f"/{code}")
    assert problem["title"]
    assert problem["detail"]
    return problem


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "resource"),
        ({"resource": "web-1"}, "service"),
        (START | {"colour": "red"}, "colour"),
        (START | {"service": {"$gt": ""}}, "service"),
        (START | {"filter": {"$gt": ""}}, "filter"),
        (START | {"resource": "Web_1"}, "resource"),
        (START | {"resource": "web-1\n"}, "resource"),
        (START | {"service": "eth0;id"}, "service"),
        (START | {"service": "../x"}, "service"),
        (START | {"service": "a" * 64}, "service"),
        (START | {"filter": "tcp\x00"}, "filter"),
        (START | {"filter": "\ud800"}, "filter"),
        (START | {"filter": "x" * 1025}, "filter"),
        (START | {"snaplen": 13}, "snaplen"),
        (START | {"snaplen": 262_145}, "snaplen"),
        (START | {"snaplen": True}, "snaplen"),
        (START | {"snaplen": 1e400}, "snaplen"),
        (START | {"limits": {"seconds": 0}}, "limits.seconds"),
        (START | {"limits": {"bytes": -1}}, "limits.bytes"),
        (START | {"limits": {"packets": 2**63}}, "limits.packets"),
        (START | {"limits": {"hours": 1}}, "limits.hours"),
        (START | {"limits": None}, "limits"),
        (START | {"idle_seconds": 0}, "idle_seconds"),
        (START | {"keep": "maybe"}, "keep"),
        (START | {"task_id": "7"}, "task_id"),
        (START | {"endpoint": "no such"}, "endpoint"),
        ([], "body"),
        ("start", "body"),
        (None, "body"),
    ],
)
async def test_a_wrong_field_is_named(shared: World, body: object, field: str) -> None:
    before = len(shared.dispatcher.commands)
    content = json.dumps(body)
    headers = {"Content-Type": "application/json"}
    answer = await shared.http.post("/v1/captures", content=content, headers=headers)
    problem = is_problem(answer, 422, "invalid-request")
    assert problem["field"] == field
    assert problem["detail"].startswith(f"{field}: ")
    assert problem["errors"][0]["field"] == field
    assert len(shared.dispatcher.commands) == before


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"\xff\xfe\x00",
        b'{"resource": "\xc3\x28"}',
        b"[" * 50_000,
        b'{"a":' * 10_000,
        b'{"snaplen": ' + b"9" * 10_000 + b"}",
        b"",
        b"\x00",
    ],
    ids=["cut", "utf-16", "bad-utf-8", "nested-lists", "nested-objects", "huge", "empty", "nul"],
)
async def test_what_is_no_json_is_refused(shared: World, content: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await shared.http.post("/v1/captures", content=content, headers=headers)
    assert is_problem(answer, 422, "invalid-request")["field"] == "body"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
async def test_what_is_no_number_is_refused(shared: World, number: str) -> None:
    content = f'{{"resource": "web-1", "service": "eth0", "snaplen": {number}}}'
    headers = {"Content-Type": "application/json"}
    answer = await shared.http.post("/v1/captures", content=content, headers=headers)
    assert is_problem(answer, 422, "invalid-request")["field"] == "snaplen"


async def test_a_body_that_is_no_json_by_its_type_says_what_to_send(shared: World) -> None:
    answer = await shared.http.post("/v1/captures", data={"resource": "web-1"})
    problem = is_problem(answer, 422, "invalid-request")
    assert "Content-Type: application/json" in problem["detail"]


async def test_what_was_sent_is_never_told_back(shared: World) -> None:
    secret = "cfk_do-not-tell"
    body = START | {"snaplen": secret, "limits": secret, "task_id": secret}
    answer = await shared.http.post("/v1/captures", json=body)
    is_problem(answer, 422, "invalid-request")
    assert secret not in answer.text


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("tcp port", "syntax error"),
        ("a) or (b", ""),
        ("host example.com", ""),
        ("port 99999", ""),
        ("(" * 400, ""),
        (" or ".join(f"host 10.0.{n}.1" for n in range(60)), ""),
    ],
)
async def test_a_bad_filter_is_refused_in_words(shared: World, expression: str, words: str) -> None:
    answer = await shared.http.post("/v1/captures", json=START | {"filter": expression})
    if answer.status_code == 202:
        pytest.fail(f"{expression} is no filter that may be taken")
    problem = answer.json()
    assert (answer.status_code, problem["field"]) == (422, "filter")
    assert words in problem["detail"]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/captures?state=done", "state"),
        ("/v1/captures?limit=0", "limit"),
        ("/v1/captures?limit=501", "limit"),
        ("/v1/captures?limit=ten", "limit"),
        ("/v1/captures?resource=%00", "resource"),
        ("/v1/captures?resource[$ne]=x", "resource[$ne]"),
        ("/v1/captures?cursor=bogus", "cursor"),
        ("/v1/captures?cursor=%F0%9F%98%80", "cursor"),
        ("/v1/captures?sate=running", "sate"),
        ("/v1/captures/not-a-session", "session"),
        ("/v1/captures/Web-1.eth0.20261123215502", "session"),
        ("/v1/resources?cursor=bogus", "cursor"),
        ("/v1/resources/a.b", "resource"),
        ("/v1/keys?cursor=bogus", "cursor"),
        ("/v1/tasks/7", "task_id"),
        ("/v1/tasks/6f0b8a52-8f0c-4f4e-9d5a-1f1f6f2f9a10?wait=61", "wait"),
        ("/v1/tasks/6f0b8a52-8f0c-4f4e-9d5a-1f1f6f2f9a10?wait=-1", "wait"),
        ("/v1/tasks/6f0b8a52-8f0c-4f4e-9d5a-1f1f6f2f9a10?wait=nan", "wait"),
        (f"/v1/captures/{SESSION}/packets?from=-1", "from"),
        (f"/v1/captures/{SESSION}/packets?from={2**63}", "from"),
        (f"/v1/captures/{SESSION}/packets?limit=1001", "limit"),
        (f"/v1/captures/{SESSION}/pcapng?live=2", "live"),
    ],
)
async def test_a_wrong_parameter_is_named(shared: World, path: str, field: str) -> None:
    problem = is_problem(await shared.http.get(path), 422, "invalid-request")
    assert problem["field"] == field


@pytest.mark.parametrize("session", ["eth0.20261123215502", SESSION + "0", SESSION + "%0a", "%00"])
async def test_a_session_that_cannot_be_one_is_refused(shared: World, session: str) -> None:
    for call in ("", "/packets", "/pcapng"):
        answer = await shared.http.get(f"/v1/captures/{session}{call}")
        assert is_problem(answer, 422, "invalid-request")["field"] == "session"


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", f"/v1/captures/{SESSION}", "unknown-capture"),
        ("DELETE", f"/v1/captures/{SESSION}", "unknown-capture"),
        ("POST", f"/v1/captures/{SESSION}/stop", "unknown-capture"),
        ("POST", f"/v1/captures/{SESSION}/ticket", "unknown-capture"),
        ("GET", f"/v1/captures/{SESSION}/packets", "unknown-capture"),
        ("GET", f"/v1/captures/{SESSION}/pcapng", "unknown-capture"),
        ("GET", "/v1/tasks/6f0b8a52-8f0c-4f4e-9d5a-1f1f6f2f9a10", "unknown-task"),
        ("GET", "/v1/tasks/6f0b8a52-8f0c-4f4e-9d5a-1f1f6f2f9a10?wait=30", "unknown-task"),
        ("GET", "/v1/resources/web-9", "unknown-resource"),
        ("GET", "/v1/keys/nobody", "unknown-key"),
        ("DELETE", "/v1/keys/nobody", "unknown-key"),
        ("GET", "/v1/nothing", "not-found"),
        ("GET", "/v1/captures/", "not-found"),
        ("GET", "/nothing", "not-found"),
        ("GET", "//v1/captures", "not-found"),
    ],
)
async def test_what_is_not_there_is_a_404(shared: World, method: str, path: str, code: str) -> None:
    is_problem(await shared.http.request(method, shared.url + path), 404, code)


async def test_a_method_that_does_not_fit_is_a_405_with_those_that_do(shared: World) -> None:
    answer = await shared.http.request("PUT", "/v1/tasks/6f0b8a52-8f0c-4f4e-9d5a-1f1f6f2f9a10")
    is_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET"


async def test_a_body_that_announces_too_much_is_refused_unread(shared: World) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await shared.http.post("/v1/captures", content=b" " * 10_000_000, headers=headers)
    is_problem(answer, 413, "body-too-large")


async def test_a_body_that_grows_too_large_is_refused_while_it_is_read(shared: World) -> None:
    async def endless() -> Any:
        for _ in range(10_000):
            yield b" " * 1024

    headers = {"Content-Type": "application/json"}
    answer = await shared.http.post("/v1/captures", content=endless(), headers=headers)
    is_problem(answer, 413, "body-too-large")


async def test_a_header_that_is_too_large_does_not_stop_the_gateway(shared: World) -> None:
    for size in (70_000, 200_000):
        async with shared.client() as http:
            try:
                answer = await http.get("/healthz", headers={"X-Large": "x" * size})
                assert answer.status_code < 500
            except httpx2.TransportError:
                pass
    assert (await shared.http.get("/healthz")).status_code == 200


@pytest.mark.parametrize("live", ["maybe", "2", ""])
async def test_live_is_yes_or_no(shared: World, live: str) -> None:
    answer = await shared.http.get(f"/v1/captures/{SESSION}/pcapng?live={live}")
    assert is_problem(answer, 422, "invalid-request")["field"] == "live"


async def test_what_nobody_foresaw_is_a_500_that_tells_nothing(
    shared: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr(shared.tasks, "zscore", broken)
    with structlog.testing.capture_logs() as lines:
        answer = await shared.http.get("/v1/resources/web-1")
    is_problem(answer, 500, "internal-error")
    assert "secret inside" in str(lines), "the log says why"
    assert "secret inside" not in answer.text
    assert (await shared.http.get("/healthz")).status_code == 200


async def test_connections_that_say_nothing_do_not_keep_others_out(shared: World) -> None:
    port = shared.settings.gateway_port
    silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(50)]
    assert (await shared.http.get("/healthz")).status_code == 200
    for _, writer in silent:
        writer.close()
