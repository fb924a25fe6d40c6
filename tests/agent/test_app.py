"""The agent as a process sees it."""

import socket
from pathlib import Path
from typing import Any

import pytest
from blockbuster import BlockBuster

from services.agent.settings import AgentSettings, host_name
from services.runtime.errors import BadSetting
from services.runtime.settings import describe, load
from tests.agent.rig import Rig, order
from tests.support.traffic import Traffic
from tests.support.wait import until


async def test_nothing_blocks_the_event_loop(idle_rig: Rig) -> None:
    guard: Any = BlockBuster(scanned_modules="services.agent")
    guard.activate()
    try:
        await idle_rig.start()
        async with Traffic() as traffic:
            live, demo = order("lo", filter=traffic.filter), order("demo")
            await idle_rig.desk.run(live)
            await idle_rig.desk.run(demo)
            traffic.send(100)
            await until(lambda: idle_rig.store.inserts > 2)
            await idle_rig.desk.stop(live)
        await idle_rig.stop()
    finally:
        guard.deactivate()
    ended = idle_rig.desk.report(demo)
    assert ended is not None
    assert ended.ledger.closes()
    assert ended.error is None


async def test_a_port_that_is_taken_stops_the_start_with_its_variable(idle_rig: Rig) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(BadSetting, match="CAPFLOW_AGENT_PORT"),
    ):
        await idle_rig.start(agent_port=taken.getsockname()[1])


def test_every_setting_says_what_it_means() -> None:
    described = {variable: meaning for variable, _, meaning in describe(AgentSettings)}
    assert all(described.values()), described
    wanted = {"AGENT_PORT", "RESOURCE", "SERVICES", "KEEPALIVE", "DATA", "BUS_URL", "ENDPOINTS"}
    assert {f"CAPFLOW_{name}" for name in wanted} <= set(described)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CAPFLOW_RESOURCE", "Web_1"),
        ("CAPFLOW_RESOURCE", "x" * 64),
        ("CAPFLOW_KEEPALIVE", "0"),
        ("CAPFLOW_KEEPALIVE", "often"),
        ("CAPFLOW_AGENT_PORT", "70000"),
        ("CAPFLOW_RING", "lots"),
        ("CAPFLOW_BACKLOG", "1KiB"),
        ("CAPFLOW_EXCLUDE", "somewhere"),
        ("CAPFLOW_BUS_URL", "http://x"),
    ],
)
def test_a_wrong_setting_is_told_by_its_variable(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(BadSetting, match=variable):
        load(AgentSettings)


def test_the_name_of_an_agent_is_its_hosts_made_to_fit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "Web_01.example.org")
    assert host_name() == "web-01"
    assert load(AgentSettings, data=tmp_path).folder == tmp_path / "agent"
