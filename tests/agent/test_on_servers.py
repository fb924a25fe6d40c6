"""The agent alone, on RabbitMQ and MongoDB."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from contracts.order import EndpointRef, Order
from contracts.task import StopReason, TaskState
from services.agent.app import main
from services.agent.settings import AgentSettings
from services.packets.endpoints.opening import Endpoints, open_endpoints
from services.packets.endpoints.setting import parse_endpoints
from services.packets.filters import FilterCompiler
from services.packets.pcapng import Packet, packets_of
from services.runtime.bus.opening import open_bus
from services.runtime.errors import BadSetting
from services.runtime.settings import load
from tests.agent.desk import Desk, open_desk
from tests.agent.rig import order
from tests.servers.ports import free_ports
from tests.support.traffic import Traffic
from tests.support.wait import until


@pytest.fixture
def settings(bus_url: str, mongo_url: str, tmp_path: Path) -> AgentSettings:
    (port,) = free_ports(1)
    return load(
        AgentSettings,
        bus_url=bus_url,
        endpoints=f"main={mongo_url}",
        data=tmp_path,
        resource="here",
        keepalive=0.5,
        agent_port=port,
        ring=8 << 20,
    )


@pytest.fixture
async def endpoints(mongo_url: str) -> AsyncIterator[Endpoints]:
    opened = await open_endpoints(parse_endpoints(f"main={mongo_url}"))
    await opened.first.prepare()
    yield opened
    await opened.close()


@pytest.fixture
async def desk(bus_url: str) -> AsyncIterator[Desk]:
    bus = await open_bus(bus_url, "dispatcher")
    async with open_desk(bus) as made:
        yield made
    await bus.close()


@asynccontextmanager
async def _running(settings: AgentSettings, desk: Desk) -> AsyncIterator[None]:
    stop = asyncio.Event()
    agent = asyncio.create_task(main(settings, stop))
    await until(lambda: desk.keepalives or agent.done())
    try:
        yield
    finally:
        stop.set()
        await agent


async def _packets(endpoints: Endpoints, wanted: Order) -> list[Packet]:
    packets: list[Packet] = []
    at = 0
    while blocks := await endpoints.first.read_blocks(wanted.session, at):
        packets += [packet for block in blocks for packet in packets_of(block.data)]
        at += len(blocks)
    return packets


def _order(**fields: object) -> Order:
    return order("lo", endpoint=EndpointRef(name="main", type="mongodb"), **fields)


async def test_a_capture_is_stored_and_a_stop_of_the_agent_drains_it(
    settings: AgentSettings, desk: Desk, endpoints: Endpoints
) -> None:
    async with Traffic() as traffic:
        wanted = _order(filter=traffic.filter)
        async with _running(settings, desk):
            await desk.run(wanted)
            traffic.send(1000)
        ended = await desk.ended(wanted)
        numbers = traffic.numbers(packet.data for packet in await _packets(endpoints, wanted))
    assert numbers == list(range(1000))
    assert (ended.state, ended.stop_reason) == (TaskState.STOPPED, StopReason.AGENT_SHUTDOWN)
    assert ended.ledger.closes()


@pytest.mark.parametrize("text", ["", "udp or tcp or vlan"])
async def test_a_capture_of_everything_does_not_capture_itself(
    settings: AgentSettings, desk: Desk, endpoints: Endpoints, text: str
) -> None:
    ports = [urlsplit(url).port for url in (settings.bus_url, settings.endpoint_settings()[0].url)]
    async with Traffic() as traffic, _running(settings, desk):
        wanted, sent = _order(filter=text), traffic.filter
        await desk.run(wanted)
        traffic.start(rate=500)
        await until(lambda: (told := desk.report(wanted)) and told.ledger.blocks > 20)
        ended = await desk.stop(wanted)
    packets = await _packets(endpoints, wanted)
    compiler = FilterCompiler()
    own = await compiler.compile(" or ".join(f"tcp port {port}" for port in ports))
    ours = await compiler.compile(sent)
    await compiler.close()
    assert not [packet for packet in packets if own.matches(packet.data, packet.length)]
    assert [packet for packet in packets if ours.matches(packet.data, packet.length)]
    assert ended.ledger.closes()


async def test_health_and_metrics_are_told(settings: AgentSettings, desk: Desk) -> None:
    async with _running(settings, desk), httpx2.AsyncClient() as http:
        base = f"http://127.0.0.1:{settings.agent_port}"
        ready = await http.get(f"{base}/readyz")
        assert ready.status_code == 200, ready.text
        assert set(ready.json()["checks"]) == {"bus", "endpoint main", "dispatcher"}
        desk.refused = "another agent lives under the name here"
        await until(lambda: _unready(http, base))
        assert "another agent lives" in (await http.get(f"{base}/readyz")).text
        assert "capflow_agent_ledger_seen_total 0.0" in (await http.get(f"{base}/metrics")).text


async def _unready(http: httpx2.AsyncClient, base: str) -> bool:
    return (await http.get(f"{base}/readyz")).status_code == 503


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"bus_url": "memory://"}, "CAPFLOW_BUS_URL: memory:// exists inside `capflow up` only"),
        ({"endpoints": None}, "CAPFLOW_ENDPOINTS: main is sqlite, which exists inside"),
    ],
)
async def test_alone_it_refuses_what_exists_inside_one_process_only(
    fields: dict[str, str | None], words: str, tmp_path: Path
) -> None:
    servers = {"bus_url": "amqp://u:p@127.0.0.1:1", "endpoints": "main=mongodb://127.0.0.1:1"}
    wrong = load(AgentSettings, data=tmp_path, **{**servers, **fields})
    with pytest.raises(BadSetting, match=words):
        await main(wrong, asyncio.Event())
