"""The API's description: answers with examples, problems with their codes."""

from collections import defaultdict
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from contracts.rest import Problem
from services.gateway.authentication import GUARDED
from services.gateway.examples import Json
from services.gateway.problems import MEDIA_TYPE, PROBLEMS, TYPE_BASE

Responses = dict[int | str, dict[str, Any]]

_PROBLEM_SCHEMA = {"$ref": "#/components/schemas/Problem"}
_ALWAYS = ("not-authenticated", "too-many-wrong-keys", "forbidden", "internal-error")
_BUS = ("bus-unavailable", "no-answer")
_READS = ("tasks-unavailable", "store-unavailable")

DESCRIPTION = """\
Start and stop packet captures on remote hosts, watch them, and fetch what they stored.

Send an API key as `Authorization: Bearer <key>`. Errors are RFC 9457 problem details, with a
`code` for programs. Every list is `{items, next_cursor}`; times are RFC 3339 in UTC.
"""


def answer(status: int, description: str, example: Json | None = None) -> Responses:
    """The answer of a call that went well."""
    response: dict[str, Any] = {"description": description}
    if example is not None:
        response["content"] = {"application/json": {"example": example}}
    return {status: response}


def stream(description: str, media_type: str) -> Responses:
    """The 200 of a call whose answer is no JSON."""
    schema = {"type": "string", "format": "binary"}
    return {200: {"description": description, "content": {media_type: {"schema": schema}}}}


def problems(*codes: str, bus: bool = False, reads: bool = True) -> Responses:
    """The problems of a call: those of every call, and `codes`."""
    away = (*(_BUS if bus else ()), *(_READS if reads else ()))
    by_status: dict[int, list[str]] = defaultdict(list)
    for code in (*_ALWAYS, *codes, *away):
        by_status[PROBLEMS[code][0]].append(code)
    return {status: _described(found) for status, found in sorted(by_status.items())}


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of `app`, made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            summary=app.summary,
            description=app.description,
            routes=app.routes,
            tags=app.openapi_tags,
        )
        _name_problems(document)
        _name_keys(document)
        app.openapi_schema = document
    return app.openapi_schema


def _described(codes: list[str]) -> dict[str, Any]:
    examples = {code: {"summary": PROBLEMS[code][1], "value": _example(code)} for code in codes}
    content = {MEDIA_TYPE: {"schema": _PROBLEM_SCHEMA, "examples": examples}}
    return {"description": "; ".join(PROBLEMS[code][1] for code in codes), "content": content}


def _example(code: str) -> Json:
    status, title = PROBLEMS[code]
    return {
        "type": TYPE_BASE + code,
        "title": title,
        "status": status,
        "detail": "what happened, to what, and what to do",
        "code": code,
    }


def _name_problems(document: dict[str, Any]) -> None:
    """Put our problem in the place of the framework's own validation errors."""
    schemas = document["components"]["schemas"]
    schemas["Problem"] = Problem.model_json_schema()
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for path in document["paths"].values():
        for operation in path.values():
            if _refers_to_validation(operation["responses"].get("422", {})):
                operation["responses"]["422"] = _described(["invalid-request"])


def _name_keys(document: dict[str, Any]) -> None:
    """Say which calls need a key; the routes themselves are guarded before they are reached."""
    scheme = {"type": "http", "scheme": "bearer", "description": "an API key"}
    document["components"]["securitySchemes"] = {"ApiKey": scheme}
    for path, operations in document["paths"].items():
        if GUARDED.match(path):
            for operation in operations.values():
                operation["security"] = [{"ApiKey": []}]


def _refers_to_validation(response: dict[str, Any]) -> bool:
    return "application/json" in response.get("content", {})
