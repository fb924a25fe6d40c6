"""KeepAlives that come together are answered together, and none is answered for another."""

import asyncio
import urllib.request
from contextlib import AsyncExitStack
from uuid import uuid4

from contracts.topology import KEEPALIVE, KEEPALIVE_TYPE
from services.runtime.bus.port import Outgoing
from tests.dispatcher.arena import Arena
from tests.dispatcher.fake_agent import FakeAgent
from tests.servers.ports import free_ports
from tests.support.wait import until

AGENTS = 40


async def _counted(port: int) -> dict[str, float]:
    def read() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            return str(answer.read().decode())

    lines = [line for line in (await asyncio.to_thread(read)).splitlines() if line[0] != "#"]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


async def _agents(world: Arena, held: AsyncExitStack, count: int) -> list[FakeAgent]:
    """Agents that have sent a KeepAlive each while nobody answered, and send no other."""
    agents = [FakeAgent(world.bus, f"host-{number}", interval=60) for number in range(count)]
    for agent in agents:
        await held.enter_async_context(agent.alive())
    await until(lambda: all(agent.seq for agent in agents))
    return agents


async def test_those_that_wait_are_answered_in_a_few_steps(world: Arena) -> None:
    [port] = free_ports(1)
    async with AsyncExitStack() as held:
        agents = await _agents(world, held, AGENTS)
        await held.enter_async_context(world.dispatcher(dispatcher_port=port))
        await until(lambda: all(agent.answers for agent in agents))
        for agent in agents:
            assert [(one.resource, one.seq) for one in agent.answers] == [(agent.resource, 1)]
        counted = await _counted(port)
        assert counted['capflow_dispatcher_keepalives_total{verdict="ok"}'] == AGENTS
        assert counted["capflow_dispatcher_keepalive_seconds_count"] < AGENTS / 2


async def test_one_that_is_odd_leaves_the_others_alone(world: Arena) -> None:
    async with AsyncExitStack() as held:
        agents = await _agents(world, held, 6)
        rival = FakeAgent(world.bus, agents[0].resource, interval=60)
        await held.enter_async_context(rival.alive())
        await until(lambda: rival.seq)
        await agents[1].mailbox.send(KEEPALIVE, "host-1", Outgoing(KEEPALIVE_TYPE, b"{"))
        await agents[2].beat(revision=7)  # it has accepted what no store knows of: to be adopted
        await held.enter_async_context(world.dispatcher())
        await until(lambda: all(agent.answers for agent in [*agents, rival]))
        await until(lambda: agents[2].wanted.revision > 7)
        await until(lambda: len(world.dead) == 1)
        refused = [one.wanted.refused for one in (agents[0], rival)]
        assert sum(words is not None for words in refused) == 1
        assert all(agent.wanted.refused is None for agent in agents[1:])


async def test_each_is_told_what_is_wanted_of_it(world: Arena) -> None:
    async with world.dispatcher(), AsyncExitStack() as held:
        agents = await _agents(world, held, 4)
        await until(lambda: all(agent.answers for agent in agents))
        task_id = uuid4()
        assert (await world.start(resource="host-2", service="lo", task_id=task_id)).accepted
        await until(lambda: agents[2].wanted_ids == {task_id})
        heard = [len(agent.answers) for agent in agents]
        for agent in agents:
            await agent.beat()
        await until(lambda: all(len(a.answers) > n for a, n in zip(agents, heard, strict=True)))
        assert [agent.wanted_ids for agent in agents] == [set(), set(), {task_id}, set()]
