"""The API's description: complete, with examples, and true of what answers."""

import re
from html import escape
from typing import Any

import pytest

from contracts.rest import Problem
from contracts.task import TaskState
from services.gateway.problems import PROBLEMS
from tests.gateway.world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")

CALLS = {
    "GET /v1/resources",
    "GET /v1/resources/{resource}",
    "POST /v1/captures",
    "GET /v1/captures",
    "GET /v1/captures/{session}",
    "DELETE /v1/captures/{session}",
    "POST /v1/captures/{session}/stop",
    "POST /v1/captures/{session}/ticket",
    "GET /v1/captures/{session}/packets",
    "GET /v1/captures/{session}/packets/{number}",
    "GET /v1/captures/{session}/pcapng",
    "GET /v1/tasks/{task_id}",
    "POST /v1/filters/check",
    "GET /v1/events",
    "GET /v1/limits",
    "GET /v1/keys",
    "POST /v1/keys",
    "GET /v1/keys/{name}",
    "DELETE /v1/keys/{name}",
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
}


async def _document(world: World) -> dict[str, Any]:
    answer = await world.http.get("/openapi.json")
    document: dict[str, Any] = answer.json()
    return document


async def test_every_call_is_described(shared: World) -> None:
    document = await _document(shared)
    calls = {
        f"{method.upper()} {path}"
        for path, methods in document["paths"].items()
        for method in methods
    }
    assert calls == CALLS


async def test_every_json_answer_and_body_has_an_example(shared: World) -> None:
    document = await _document(shared)
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            where = f"{method} {path}"
            assert operation["summary"], where
            assert operation["description"], where
            for status, response in operation["responses"].items():
                for media, content in response.get("content", {}).items():
                    if "json" in media:
                        assert "example" in content or content.get("examples"), (where, status)
            for content in operation.get("requestBody", {}).get("content", {}).values():
                assert content["examples"], where


async def test_examples_are_what_the_schemas_say(shared: World) -> None:
    import jsonschema_rs

    document = await _document(shared)
    components = {"components": document["components"]}
    for methods in document["paths"].values():
        for operation in methods.values():
            for response in operation["responses"].values():
                for content in response.get("content", {}).values():
                    schema = content.get("schema", {}) | components
                    examples = [each["value"] for each in content.get("examples", {}).values()]
                    examples += [content["example"]] if "example" in content else []
                    for example in examples:
                        jsonschema_rs.validate(schema, example)


async def test_calls_that_need_a_key_say_so(shared: World) -> None:
    document = await _document(shared)
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert ("security" in operation) == path.startswith("/v1/"), path


async def test_every_problem_is_our_model(shared: World) -> None:
    document = await _document(shared)
    assert "HTTPValidationError" not in document["components"]["schemas"]
    answer = await shared.http.post("/v1/captures", json={"colour": "red"})
    assert Problem.model_validate_json(answer.content).code == "invalid-request"


@pytest.mark.parametrize("path", ["/docs", "/problems/already-running", "/problems/x"])
async def test_pages_name_no_address_outside(shared: World, path: str) -> None:
    answer = await shared.http.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    links = re.findall(r"(?:src|href|action)=\"([^\"]*)\"", answer.text)
    assert all(link.startswith("/") and not link.startswith("//") for link in links)
    assert "<script" not in answer.text
    assert "@import" not in answer.text


async def test_the_docs_page_shows_every_call_and_leads_to_every_problem(shared: World) -> None:
    page = (await shared.http.get("/docs")).text
    for call in CALLS:
        method, path = call.split()
        assert f"<b>{method}</b> <code>{path}</code>" in page
    for code in set(re.findall(r"/problems/([a-z-]+)", page)) - {"all"}:
        assert code in PROBLEMS
        assert escape(PROBLEMS[code][1]) in (await shared.http.get(f"/problems/{code}")).text


async def test_markup_in_an_address_stays_text(shared: World) -> None:
    page = await shared.http.get("/problems/%3Cscript%3Ealert(1)%3C%2Fscript%3E")
    assert "<script" not in page.text


async def test_the_state_words_of_the_description_are_those_of_tasks(shared: World) -> None:
    document = await _document(shared)
    assert set(document["components"]["schemas"]["TaskState"]["enum"]) == set(TaskState)
