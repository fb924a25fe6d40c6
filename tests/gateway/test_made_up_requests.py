"""Requests made up from the API's description, and those that once were too much for it."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path
from types import SimpleNamespace

import pytest

from contracts.rest import Problem
from tests.gateway.world import ADMIN_KEY, World
from tests.support.wait import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance,response_headers_conformance,negative_data_rejection"
)
ROOT = Path(__file__).parents[2]
KEPT = sorted(Path(__file__).with_name("requests").glob("*.http"))
OURS = f"Host: capflow\r\nAuthorization: Bearer {ADMIN_KEY}\r\nConnection: close\r\n".encode()


async def test_no_made_up_request_is_too_much(shared: World) -> None:
    shared.dispatcher.runs_at_once = True
    await shared.start()
    program = Path(sys.executable).with_name("schemathesis")
    command = [
        str(program), "run", f"{shared.url}/openapi.json",
        "--header", f"Authorization: Bearer {ADMIN_KEY}",
        "--checks", CHECKS,
        "--phases", "examples,coverage,fuzzing",
        "--max-examples", "8", "--seed", "7", "--generation-deterministic",
        "--request-timeout", "5", "--no-color",
    ]  # fmt: skip
    hooks = {"SCHEMATHESIS_HOOKS": "tests.gateway.schemathesis_hooks"}
    fuzzing = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env=os.environ | hooks, stdout=PIPE, stderr=STDOUT
    )
    output, _ = await fuzzing.communicate()
    assert fuzzing.returncode == 0, output.decode()[-8000:]
    await _all_was_asked(shared)


async def _all_was_asked(world: World) -> None:
    """See that no call was left out, and that streams were begun, left, and have ended."""
    described = (await world.http.get("/openapi.json")).json()["paths"]
    asked = (await world.http.get("/metrics")).text
    for path, methods in described.items():
        for method in methods:
            assert f'method="{method.upper()}",route="{path}",' in asked
    for path in ("/v1/events", "/v1/captures/{session}/pcapng", "/readyz"):
        assert f'method="GET",route="{path}",status="200"' in asked

    async def ended() -> bool:
        now = (await world.http.get("/metrics")).text
        return all(f'streams{{kind="{kind}"}} 0.0' in now for kind in ("events", "live"))

    await until(ended)


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
async def test_what_once_was_too_much_is_so_no_more(shared: World, path: Path) -> None:
    asked, rest = path.read_bytes().split(b"\r\n", 1)
    reader, writer = await asyncio.open_connection("127.0.0.1", shared.settings.gateway_port)
    writer.write(asked + b"\r\n" + OURS + rest)
    async with asyncio.timeout(10):
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head.split()[1])
        assert 200 <= status < 500, head
        if b"application/problem+json" in head:
            assert Problem.model_validate_json(await reader.read(-1)).status == status
        else:
            assert status in (200, 202, 400), "400 is of the HTTP server itself"
    writer.close()
    assert (await shared.http.get("/healthz")).status_code == 200


async def test_a_request_that_is_answered_wrongly_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import requests

    from tests.gateway import schemathesis_hooks as hooks

    monkeypatch.setattr(hooks, "KEPT", tmp_path)
    sent = requests.Request(
        "POST", "http://a/v1/x?y=%00", headers={"X-Y": "\xff", "Authorization": "z"}, data=b"\0"
    ).prepare()
    case = SimpleNamespace(operation=SimpleNamespace(label="POST /v1/{x}"))
    results = [SimpleNamespace(name="not_a_server_error", failure=failed) for failed in (None, "")]
    hooks.after_validate(None, case, SimpleNamespace(request=sent), results)
    (kept,) = tmp_path.iterdir()
    assert kept.name == "post-v-x-not-a-server-error.http"
    assert kept.read_bytes() == (
        b"POST /v1/x?y=%00 HTTP/1.1\r\nX-Y: \xff\r\nContent-Length: 1\r\n\r\n\0"
    )
