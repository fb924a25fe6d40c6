"""What schemathesis is told beside the description: streams have no end, and failures are kept.

Schemathesis loads it by `SCHEMATHESIS_HOOKS`, in a process of its own.
"""

import re
from io import BytesIO
from pathlib import Path
from typing import Any

import requests
import schemathesis
from urllib3 import HTTPResponse

STREAMS = ("text/event-stream", "application/x-pcapng")
_MOST = 1 << 16
_OWN = {"host", "authorization", "connection", "user-agent", "accept", "accept-encoding"}
"""Headers that whoever asks again adds; with those of schemathesis they are not kept."""
KEPT = Path(__file__).with_name("requests")


@schemathesis.hook
def before_call(_context: object, _case: object, kwargs: dict[str, Any]) -> None:
    """Read no more than the beginning of a stream."""
    kwargs["hooks"] = {"response": _beginning}


@schemathesis.hook
def after_validate(_context: object, case: Any, response: Any, results: list[Any]) -> None:
    """Keep the request whose answer was wrong; of one that is made smaller, the smallest."""
    for result in results:
        if result.failure is not None:
            _keep(response.request, case, result.name)


@schemathesis.hook
def after_network_error(_context: object, case: Any, request: requests.PreparedRequest) -> None:
    """Keep the request that was not answered."""
    _keep(request, case, "no answer")


def _beginning(response: requests.Response, *_: object, **__: object) -> None:
    if response.headers.get("Content-Type", "").partition(";")[0] in STREAMS:
        begun, headers = response.raw.read1(_MOST), response.raw.headers
        response.raw.close()
        response.raw = HTTPResponse(BytesIO(begun), headers, preload_content=False)


def _keep(request: requests.PreparedRequest, case: Any, failure: str) -> None:
    name = re.sub(r"[^a-z]+", "-", f"{case.operation.label} {failure}".lower()).strip("-")
    (KEPT / f"{name}.http").write_bytes(raw(request))


def raw(request: requests.PreparedRequest) -> bytes:
    """A request as it goes over the wire, without the headers that each client has of its own."""
    lines = [f"{request.method} {request.path_url} HTTP/1.1".encode("latin-1")]
    for name, value in request.headers.items():
        if name.lower() not in _OWN and not name.lower().startswith("x-schemathesis"):
            text = value if isinstance(value, bytes) else value.encode("latin-1")
            lines.append(name.encode() + b": " + text)
    body = request.body or b""
    content = body.encode() if isinstance(body, str) else body
    assert isinstance(content, bytes), "nothing made up is streamed"
    return b"\r\n".join([*lines, b"", content])
