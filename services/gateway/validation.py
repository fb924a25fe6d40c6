"""What a request's validation found, told by field; never what was sent."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from services.gateway.problems import Refused

_MOST_ERRORS = 20
_LONGEST_FIELD = 100
_WHERE = ("body", "query", "path", "header")
_OBJECT = "must be a JSON object, sent with Content-Type: application/json"
_DETAILS = {
    "missing": "is missing",
    "extra_forbidden": "is not a field of this request",
    "model_attributes_type": _OBJECT,
    "model_type": _OBJECT,
    "dict_type": "must be an object",
}


def invalid_request(errors: Iterable[Mapping[str, Any]]) -> Refused:
    """The 422 for what FastAPI found: the first field, and every one, with what it may be."""
    found = [_told(error) for error in errors][:_MOST_ERRORS]
    first = found[0] if found else {"field": "body", "detail": "is wrong"}
    detail = f"{first['field']}: {first['detail']}"
    return Refused("invalid-request", detail, field=first["field"], errors=found)


def unreadable_body(detail: str) -> Refused:
    """The 422 for a body that is no JSON at all."""
    return invalid_request([{"loc": ("body",), "type": "json", "msg": detail}])


def _told(error: Mapping[str, Any]) -> dict[str, str]:
    if error["type"] == "json_invalid":
        return {"field": "body", "detail": f"is not JSON at character {error['loc'][-1]}"}
    detail = _DETAILS.get(error["type"]) or str(error["msg"]).removeprefix("Value error, ")
    return {"field": _field(error["loc"]), "detail": detail}


def _field(location: Sequence[object]) -> str:
    """`limits.seconds` of `("body", "limits", "seconds")`."""
    inside = location[1:] if len(location) > 1 and location[0] in _WHERE else location
    return ".".join(map(str, inside))[:_LONGEST_FIELD]
