"""Errors as RFC 9457 problem details: what happened, to what, and what to do."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
TYPE_BASE = "/problems/"

PROBLEMS: Mapping[str, tuple[int, str]] = {
    "not-authenticated": (401, "A valid API key is needed"),
    "too-many-wrong-keys": (429, "Too many wrong API keys came from this address"),
    "forbidden": (403, "The API key's role does not allow this"),
    "not-found": (404, "There is nothing at this address"),
    "method-not-allowed": (405, "This address does not take this method"),
    "body-too-large": (413, "The request's body is too large"),
    "invalid-request": (422, "The request has fields that are wrong"),
    "already-running": (403, "A capture of this service is running already"),
    "unknown-resource": (404, "No such resource has been heard of"),
    "unknown-service": (404, "The resource has no such service"),
    "unknown-endpoint": (422, "No such endpoint is configured"),
    "unknown-capture": (404, "There is no such capture"),
    "unknown-packet": (404, "The capture has no such packet"),
    "dropped-packet": (404, "The packet was captured, and lost before it was stored"),
    "unknown-task": (404, "There is no such task"),
    "unknown-key": (404, "There is no such API key"),
    "resource-offline": (409, "The resource's agent is offline"),
    "invalid-filter": (422, "The filter is not one that libpcap takes"),
    "task-id-reused": (409, "The task id or Idempotency-Key was used for another start"),
    "still-running": (409, "The capture has not ended"),
    "name-taken": (409, "An API key has this name already"),
    "too-many-keys": (409, "No more API keys can be kept"),
    "too-many-starts": (429, "Too many starts were asked for with this API key"),
    "too-many-streams": (503, "Too many files or event streams are being sent"),
    "too-many-packets": (503, "Too many packets are being taken apart"),
    "not-ready": (503, "The resource's agent has not been heard of since the task store came back"),
    "bus-unavailable": (503, "The message bus is away"),
    "no-answer": (503, "No dispatcher answered in time"),
    "tasks-unavailable": (503, "The task store is away"),
    "store-unavailable": (503, "The packet store is away"),
    "unavailable": (503, "A part of the gateway is away"),
    "internal-error": (500, "Something went wrong inside the gateway"),
}
"""Every code: its status, and what it means."""

_OF_ANOTHER_VERSION = (503, "The dispatcher refused for a reason of its own")


def status_of(code: str) -> int:
    """The status that goes with a code; 503 for one that only a newer dispatcher knows."""
    return PROBLEMS.get(code, _OF_ANOTHER_VERSION)[0]


class Refused(Exception):
    """A request that is answered with a problem instead."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        retry_after: float | None = None,
        headers: Mapping[str, str] | None = None,
        **more: object,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.more = {name: value for name, value in more.items() if value is not None}
        self.headers = dict(headers or {}) | _retry_header(retry_after)

    def response(self) -> Response:
        """The answer to send."""
        return problem(self.code, self.detail, headers=self.headers, **self.more)


def problem(
    code: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Response:
    """A problem response; `more` are members beside the standard ones.

    ASCII only, so that whatever text came in with the request can be told back.
    """
    status, title = PROBLEMS.get(code, _OF_ANOTHER_VERSION)
    body = {
        "type": TYPE_BASE + code,
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        **more,
    }
    content = json.dumps(body, default=str)
    return Response(content, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def wrong_field(field: str, detail: str, code: str = "invalid-request") -> Refused:
    """A 422 that names one field and what it may be."""
    errors = [{"field": field, "detail": detail}]
    return Refused(code, f"{field}: {detail}", field=field, errors=errors)


def _retry_header(seconds: float | None) -> dict[str, str]:
    return {} if seconds is None else {"Retry-After": str(max(1, int(seconds + 0.999)))}
