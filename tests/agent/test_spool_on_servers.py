"""The spool of an agent in a process of its own, on RabbitMQ and a mongod that freezes."""

import asyncio
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from contracts.block import Block
from contracts.order import EndpointRef, Order
from contracts.spool import Spool
from contracts.task import StopReason, TaskState
from services.packets.endpoints.opening import open_endpoints
from services.packets.endpoints.setting import parse_endpoints
from services.packets.pcapng import packets_of
from services.runtime.bus.opening import open_bus
from tests.agent.desk import Desk, open_desk
from tests.agent.rig import order
from tests.servers.mongo import MongoServer
from tests.servers.ports import free_ports
from tests.support.command import outcome, spawn
from tests.support.traffic import Traffic
from tests.support.wait import until


class Host:
    """A host with an agent, which can be killed and started again."""

    def __init__(self, bus_url: str, mongo: MongoServer, folder: Path, desk: Desk) -> None:
        (port,) = free_ports(1)
        self.mongo = mongo
        self.desk = desk
        self.env = {
            "CAPFLOW_BUS_URL": bus_url,
            "CAPFLOW_ENDPOINTS": f"main={mongo.url}",
            "CAPFLOW_DATA": str(folder),
            "CAPFLOW_RESOURCE": "here",
            "CAPFLOW_KEEPALIVE": "0.5",
            "CAPFLOW_AGENT_PORT": str(port),
        }
        self.agent: Process | None = None

    async def start(self) -> None:
        """Start the agent."""
        self.desk.keepalives.clear()
        self.agent = await spawn("agent", env=self.env)
        await until(lambda: self.desk.keepalives, 20)

    async def end(self, number: signal.Signals) -> int:
        """End the agent with a signal; its exit status."""
        agent, self.agent = self.agent, None
        if agent is None:
            return 0
        agent.send_signal(number)
        return (await outcome(agent, 15)).code

    async def numbers(self, traffic: Traffic, wanted: Order) -> list[int]:
        """The numbers of what is stored, whose blocks have no hole."""
        endpoints = await open_endpoints(parse_endpoints(f"main={self.mongo.url}"))
        blocks: list[Block] = []
        store = endpoints.first
        while more := await store.read_blocks(wanted.session, len(blocks), limit=64):
            blocks += more
        await endpoints.close()
        assert all(after.block == before.block + 1 for before, after in pairwise(blocks))
        return traffic.numbers(one.data for block in blocks for one in packets_of(block.data))


@pytest.fixture
async def host(bus_url: str, private_mongo: MongoServer, tmp_path: Path) -> AsyncIterator[Host]:
    async with _host(bus_url, private_mongo, tmp_path) as made:
        await made.start()
        yield made


@asynccontextmanager
async def _host(bus_url: str, mongo: MongoServer, folder: Path) -> AsyncIterator[Host]:
    endpoints = await open_endpoints(parse_endpoints(f"main={mongo.url}"))
    await endpoints.first.prepare()
    await endpoints.close()
    bus = await open_bus(bus_url, "dispatcher")
    async with open_desk(bus) as desk:
        made = Host(bus_url, mongo, folder, desk)
        try:
            yield made
        finally:
            await asyncio.to_thread(mongo.thaw)
            await made.end(signal.SIGTERM)
    await bus.close()


async def test_a_mongod_frozen_in_the_middle_costs_nothing(host: Host) -> None:
    async with Traffic() as traffic:
        wanted = _order(traffic)
        await host.desk.run(wanted)
        traffic.start(3000, burst=60)
        await until(lambda: (told := host.desk.report(wanted)) and told.ledger.stored > 1000)
        await asyncio.to_thread(host.mongo.freeze)
        await until(lambda: _spool(host, wanted).packets > 6000, 20)
        await asyncio.to_thread(host.mongo.thaw)
        await until(lambda: not _spool(host, wanted).bytes, 20)
        await traffic.stop()
        ended = await host.desk.stop(wanted)
        assert await host.numbers(traffic, wanted) == list(range(traffic.sent))
    assert (ended.ledger.stored, ended.ledger.dropped_agent) == (traffic.sent, 0)
    assert ended.ledger.closes()


async def test_an_agent_killed_over_a_frozen_mongod_brings_what_it_had_flushed(
    host: Host,
) -> None:
    async with Traffic() as traffic:
        wanted = _order(traffic)
        await host.desk.run(wanted)
        traffic.send(500)
        await until(lambda: (told := host.desk.report(wanted)) and told.ledger.stored == 500)
        await asyncio.to_thread(host.mongo.freeze)
        traffic.send(500)
        await until(lambda: _spool(host, wanted).packets == 500)
        assert await host.end(signal.SIGKILL) == -signal.SIGKILL
        host.desk.reports.clear()
        await host.start()
        await until(lambda: host.desk.states(wanted) == [TaskState.STOPPING])
        await asyncio.to_thread(host.mongo.thaw)
        ended = await host.desk.ended(wanted, 20)
        assert await host.numbers(traffic, wanted) == list(range(1000))
    assert (ended.stop_reason, ended.recovered) == (StopReason.AGENT_RESTARTED, True)
    assert ended.error is not None
    assert "from packet 1000 on is unknown" in ended.error.detail


async def test_an_agent_told_to_end_over_a_frozen_mongod_ends_in_time_and_loses_nothing(
    host: Host,
) -> None:
    async with Traffic() as traffic:
        wanted = _order(traffic)
        await host.desk.run(wanted)
        await asyncio.to_thread(host.mongo.freeze)
        traffic.send(1000)
        await until(lambda: (told := host.desk.report(wanted)) and told.ledger.captured == 1000)
        assert await host.end(signal.SIGTERM) in (0, 70), "within the deadline, orderly or forced"
        await asyncio.to_thread(host.mongo.thaw)
        await host.start()
        ended = await host.desk.ended(wanted, 20)
        assert await host.numbers(traffic, wanted) == list(range(1000))
    assert (ended.stop_reason, ended.error) == (StopReason.AGENT_SHUTDOWN, None)
    assert (ended.ledger.stored, ended.ledger.dropped_agent) == (1000, 0)
    assert ended.ledger.closes()


def _order(traffic: Traffic) -> Order:
    return order("lo", filter=traffic.filter, endpoint=EndpointRef(name="main", type="mongodb"))


def _spool(host: Host, wanted: Order) -> Spool:
    report = host.desk.report(wanted)
    return (report.spool if report else None) or Spool()
