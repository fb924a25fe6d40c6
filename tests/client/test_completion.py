"""Completion: the scripts, the names from the gateway, and silence where there is none."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts import names
from contracts.task import TaskState
from services.client.commands import arguments
from services.client.commands.key import ROLES
from services.client.commands.ls import STATES
from tests.support.command import CAPFLOW, clean
from tests.support.stub_capflow import SESSION, StubCapflow, capture

Capflow = Callable[..., Any]
OTHER = "host-1.lo.20261123215001"
RESOURCE = {
    "resource": "host-1", "online": True, "last_seen": "2026-11-23T21:50:00Z", "version": "0.1.0",
    "running": [],
    "services": [{"service": name, "interface": name, "filter": ""} for name in ("lo", "eth0")],
}  # fmt: skip


@pytest.fixture
def complete(environment: dict[str, str], stub: StubCapflow) -> Callable[..., Any]:
    stub.answers["GET", "/v1/resources"] = (200, {"items": [RESOURCE]})
    stub.answers["GET", "/v1/captures"] = (200, {"items": [capture()]})

    async def completed(*words: str, **changes: str) -> list[str]:
        """What can stand where the last of `words` begins, as the scripts ask."""
        asked = {
            "_CAPFLOW_COMPLETE": "fish_complete",
            "COMP_WORDS": " ".join(("capflow", *words[:-1])) + " ",
            "COMP_CWORD": words[-1],
        }
        env = {**clean(), **environment, **asked, **changes}
        process = await asyncio.create_subprocess_exec(CAPFLOW, env=env, stdout=PIPE, stderr=PIPE)
        out, err = await process.communicate()
        assert err == b""
        return [line.split("\t")[0].partition(",")[2] for line in out.decode().splitlines() if line]

    return completed


async def test_commands_are_completed(complete: Callable[..., Any]) -> None:
    assert await complete("re") == ["resources", "record"]


async def test_hosts_and_the_services_of_the_chosen_one_are_completed(
    complete: Callable[..., Any],
) -> None:
    assert await complete("start", "") == ["host-1"]
    assert await complete("record", "host-1", "") == ["lo", "eth0"]
    assert await complete("start", "host-1", "e") == ["eth0"]
    assert await complete("start", "host-2", "") == []


@pytest.mark.parametrize(
    ("command", "asked"),
    [
        ("stop", ["running", "requested", "lost"]),
        ("rm", ["stopped", "failed"]),
        ("tail", [None]),
        ("export", [None]),
        ("show", [None]),
    ],
)
async def test_captures_are_completed_that_the_command_can_be_used_on(
    command: str, asked: list[str | None], stub: StubCapflow, complete: Callable[..., Any]
) -> None:
    assert set(await complete(command, "host-1.")) == {SESSION}
    assert [query.get("state") for query in stub.queries] == asked


async def test_a_capture_that_was_named_already_is_not_offered_again(
    stub: StubCapflow, complete: Callable[..., Any]
) -> None:
    both = [capture("stopped"), capture("stopped", session=OTHER)]
    stub.answers["GET", "/v1/captures"] = (200, {"items": both})
    assert set(await complete("rm", SESSION, "")) == {OTHER}


@pytest.mark.parametrize(
    "changes",
    [
        {"CAPFLOW_URL": "http://127.0.0.1:9"},
        {"CAPFLOW_URL": "http://["},
        {"CAPFLOW_KEY": "wrong"},
        {"CAPFLOW_URL": "", "CAPFLOW_GATEWAY_PORT": "many"},
    ],
)
async def test_nothing_is_completed_or_said_where_the_gateway_is_away_or_says_no(
    changes: dict[str, str], complete: Callable[..., Any]
) -> None:
    assert await complete("stop", "", **changes) == []


async def test_a_gateway_that_talks_nonsense_is_as_good_as_none(
    stub: StubCapflow, complete: Callable[..., Any]
) -> None:
    answers: list[Any] = ["<html>", [], {"items": [{}]}, {"items": 3}]
    for nonsense in answers:
        stub.answers["GET", "/v1/resources"] = (200, nonsense)
        assert await complete("start", "") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
async def test_a_script_says_how_to_load_it(shell: str, capflow: Capflow) -> None:
    script = await capflow("completion", shell)
    assert (script.code, script.err) == (0, "")
    assert f"capflow completion {shell}" in script.out.partition("()")[0]
    assert "_CAPFLOW_COMPLETE" in script.out


async def test_bash_completes_with_the_script(
    environment: dict[str, str], complete: Callable[..., Any]
) -> None:
    typed = """
        source <(capflow completion bash)
        COMP_WORDS=(capflow start host-1 "") COMP_CWORD=3
        _capflow_completion capflow
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    path = {"PATH": f"{Path(CAPFLOW).parent}:/usr/bin:/bin"}
    process = await asyncio.create_subprocess_exec(
        "bash", "--norc", "-c", typed, env={**environment, **path}, stdout=PIPE, stderr=PIPE
    )
    assert await process.communicate() == (b"lo\neth0\n", b"")


async def test_help_and_completion_wait_for_no_library_that_is_slow_to_load() -> None:
    look = """
import json, sys
from services.standalone.cli import capflow
for name in sys.argv[1:]:
    capflow.get_command(None, name)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""
    names = ["start", "record", "tail", "stop", "export", "rm", "ls", "key", "show", "completion"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", look, *names, cwd=Path(__file__).parents[2], stdout=PIPE
    )
    out, _ = await process.communicate()
    loaded = set(json.loads(out))
    assert "click" in loaded
    assert not loaded & {"asyncio", "pydantic", "httpx2", "websockets", "rich", "orjson"}


def test_the_words_that_are_not_loaded_from_the_contracts_are_theirs() -> None:
    from contracts.rest import Role

    patterns = (arguments.NAME_PATTERN, arguments.SESSION_PATTERN)
    assert patterns == (names.NAME_PATTERN, names.SESSION_PATTERN)
    assert list(STATES) == [state.value for state in TaskState]
    assert list(ROLES) == [role.value for role in Role]
