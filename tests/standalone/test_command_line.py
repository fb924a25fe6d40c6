"""The command line: what helps, and what is refused, before anything runs."""

from pathlib import Path

import pytest

from services.client.commands import COMMANDS as QUESTIONS
from services.runtime.settings import describe
from services.standalone.commands import COMMANDS as HERE
from services.standalone.services import SERVICES, Service
from tests.support.command import run

ALL = [command.name for command in (*QUESTIONS, *HERE)]


async def test_help_names_every_command_and_where_to_begin() -> None:
    result = await run("--help", env={})
    assert result.code == 0
    assert "capflow up" in result.out
    for name in ALL:
        assert f"\n  {name} " in result.out


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
async def test_the_help_of_a_service_lists_its_settings_with_a_meaning(service: Service) -> None:
    result = await run(service.name, "--help", env={})
    assert result.code == 0
    for variable, _default, meaning in describe(service.settings_class()):
        assert variable in result.out
        assert meaning, f"{variable} has no description"


async def test_the_help_of_up_lists_the_settings_of_all() -> None:
    out = (await run("up", "--help", env={})).out
    for name in ("GATEWAY_PORT", "STREAMER_PORT", "DISPATCHER_PORT", "AGENT_PORT", "RETENTION"):
        assert out.count(f"  CAPFLOW_{name} ") == 1


async def test_the_version_is_told() -> None:
    assert (await run("--version", env={})).out.startswith("capflow 0.")


@pytest.mark.parametrize("command", ["up", *(service.name for service in SERVICES)])
@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [("{}_PORT", "99999", "65535"), ("LOG_LEVEL", "loud", "warning"), ("ENDPOINTS", "x", "sqlite")],
)
async def test_a_wrong_setting_is_one_line_with_its_name_and_what_it_may_be(
    command: str, variable: str, value: str, expected: str
) -> None:
    port_of = "gateway" if command == "up" else command
    name = "CAPFLOW_" + variable.format(port_of.upper())
    result = await run(command, env={name: value})
    assert result.code == 2
    assert result.out == ""
    (line,) = result.err.splitlines()
    assert line.startswith(f"capflow: {name}: ")
    assert expected in line


@pytest.mark.parametrize("service", ["gateway", "dispatcher", "agent"])
async def test_a_service_alone_says_which_server_it_needs(service: str) -> None:
    result = await run(service, env={})
    assert result.code == 2
    assert "CAPFLOW_BUS_URL" in result.err
    assert "capflow up" in result.err
    assert "Traceback" not in result.err


async def test_a_services_file_with_a_command_in_it_stops_the_agent_and_runs_nothing(
    tmp_path: Path,
) -> None:
    file, owned = tmp_path / "services.toml", tmp_path / "owned"
    file.write_text(f'[services.web]\ninterface = "eth0;touch {owned}"\n')
    nowhere = {
        "CAPFLOW_BUS_URL": "amqp://127.0.0.1:1/",
        "CAPFLOW_ENDPOINTS": "main=mongodb://127.0.0.1:1/capflow",
    }
    data = {"CAPFLOW_DATA": str(tmp_path / "data"), "CAPFLOW_SERVICES": str(file)}
    result = await run("agent", env={**nowhere, **data})
    assert result.code == 2
    told = result.err.splitlines()[-1]
    assert told.startswith(f"capflow: CAPFLOW_SERVICES: {file}, line 2: service 'web': `interface`")
    assert not owned.exists()
