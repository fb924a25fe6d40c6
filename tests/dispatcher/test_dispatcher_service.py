"""The dispatcher as a service: settings, health, the order in which it ends."""

import asyncio
import json
import urllib.request
from pathlib import Path

import pytest

from contracts.order import Caps
from services.dispatcher.app import main
from services.dispatcher.sender import own_user, requested_by
from services.dispatcher.settings import DispatcherSettings
from services.runtime.bus.port import Incoming
from services.runtime.errors import BadSetting
from services.runtime.settings import describe, load
from tests.dispatcher.arena import Arena
from tests.dispatcher.faults import faulty
from tests.servers.ports import free_ports
from tests.support.wait import until


@pytest.mark.parametrize(
    ("text", "caps"),
    [
        ("seconds=86400", Caps(seconds=86_400)),
        ("seconds=60, bytes=10GiB,packets=5", Caps(seconds=60, bytes=10 << 30, packets=5)),
        ("", Caps()),
    ],
)
def test_caps_are_read(monkeypatch: pytest.MonkeyPatch, text: str, caps: Caps) -> None:
    monkeypatch.setenv("CAPFLOW_LIMITS", text)
    assert load(DispatcherSettings).limits == caps


@pytest.mark.parametrize(
    "text", ["86400", "seconds=0", "seconds=x", "hours=1", "seconds=1,seconds=2", "bytes=-1", "=1"]
)
def test_wrong_caps_are_refused_by_name(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("CAPFLOW_LIMITS", text)
    with pytest.raises(BadSetting, match=r"CAPFLOW_LIMITS.*seconds=86400,bytes=10GiB"):
        load(DispatcherSettings)


@pytest.mark.parametrize(
    ("name", "value"),
    [("KEEPALIVE", "0"), ("RETENTION", "soon"), ("QUOTA", "a lot"), ("DISPATCHER_PORT", "70000")],
)
def test_a_wrong_setting_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"CAPFLOW_{name}", value)
    with pytest.raises(BadSetting, match=f"CAPFLOW_{name}"):
        load(DispatcherSettings)


def test_every_setting_is_described() -> None:
    rows = {variable: meaning for variable, _, meaning in describe(DispatcherSettings)}
    assert all(rows.values())
    assert {"CAPFLOW_LIMITS", "CAPFLOW_RETENTION", "CAPFLOW_QUOTA"} <= set(rows)


async def test_alone_it_refuses_what_lives_in_one_process(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"CAPFLOW_BUS_URL, CAPFLOW_TASKS_URL, CAPFLOW_ENDPOINTS"):
        await main(DispatcherSettings(data=tmp_path), asyncio.Event())


@pytest.mark.parametrize(
    ("user", "app", "header", "who"),
    [
        (None, None, "alice", "alice"),
        ("capflow-gateway", "gateway", "alice", "alice"),
        ("guest", None, "alice", "alice"),
        ("nagios", None, "alice", "nagios"),
        ("nagios", None, None, "nagios"),
        (None, "cron", None, "cron"),
        (None, None, None, "bus"),
        (None, None, "al\x1b[31mice", "al[31mice"),
    ],
)
def test_who_asked(user: str | None, app: str | None, header: str | None, who: str) -> None:
    headers = {"requested-by": header} if header else {}
    incoming = Incoming("capture.start", b"", "1", "k", user_id=user, app_id=app, headers=headers)
    assert requested_by(incoming, own_user("amqp://guest:secret@host/")) == who


async def _get(port: int, path: str) -> tuple[int, str]:
    def get() -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    return await asyncio.to_thread(get)


COUNTED = (
    'capflow_dispatcher_commands_total{outcome="accepted"',
    'capflow_dispatcher_keepalives_total{verdict="ok"}',
    'capflow_dispatcher_transitions_total{state="running"}',
)


async def test_it_says_whether_it_is_alive_and_ready_and_counts(world: Arena) -> None:
    [port] = free_ports(1)
    async with world.dispatcher(dispatcher_port=port), world.agent() as agent:
        await world.running(agent)
        assert (await _get(port, "/healthz"))[0] == 200
        status, body = await _get(port, "/readyz")
        assert status == 200
        assert json.loads(body)["checks"] == {"bus": "ok", "tasks": "ok", "endpoint main": "ok"}

        async def counted() -> bool:
            _, metrics = await _get(port, "/metrics")
            return all(one in metrics for one in COUNTED)

        await until(counted)


async def test_it_is_not_ready_while_the_records_are_away(embedded: Arena) -> None:
    world = embedded
    world.endpoints, store = faulty(world.endpoints)
    [port] = free_ports(1)
    async with world.dispatcher(dispatcher_port=port):
        store.away = True
        status, body = await _get(port, "/readyz")
        assert status == 503
        assert "sent away" in json.loads(body)["checks"]["endpoint main"]


async def test_it_ends_in_order_while_commands_come(world: Arena) -> None:
    services = tuple(f"s{number}" for number in range(30))
    async with world.agent(heard=False, services=services) as agent:
        async with world.dispatcher():
            await until(lambda: agent.answers)
            asking = [asyncio.create_task(world.start(service=name)) for name in services]
            await until(lambda: any(task.done() for task in asking))
        async with world.dispatcher():
            replies = await asyncio.gather(*asking)
            assert all(reply.accepted for reply in replies)
            await until(lambda: agent.running == {reply.task_id for reply in replies})
    assert not world.dead


async def test_a_part_that_dies_ends_the_service_loudly(
    embedded: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    from services.dispatcher.reaper import Reaper

    async def die(_: Reaper) -> None:
        raise RuntimeError("bug")

    monkeypatch.setattr(Reaper, "look", die)
    with pytest.raises(ExceptionGroup) as caught:
        async with embedded.dispatcher():
            await asyncio.sleep(0.2)
    assert caught.group_contains(RuntimeError, match="bug")
