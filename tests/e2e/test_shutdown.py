"""SIGTERM: each service drains in its written order and exits 0."""

import asyncio
from pathlib import Path

from tests.support.outside import Rest, Viewer
from tests.support.servers import Place
from tests.support.stack import Stack
from tests.support.traffic import Traffic


async def test_an_agent_told_to_end_stores_what_it_has_and_says_why(
    own_stack: Stack, traffic: Traffic
) -> None:
    own_stack.start()
    async with Rest(own_stack) as rest:
        started = await rest.start_running(filter=traffic.filter)
        async with Viewer(started["session"], started["stream"]) as viewer:
            await viewer.begin("beginning", raw=True)
            traffic.send(500)
            status = await asyncio.to_thread(own_stack.processes["agent"].terminate)
            assert status == 0, own_stack.processes["agent"].tail()
            end = await viewer.sees("end")
        assert end["stop_reason"] == "agent-shutdown"
        assert end["ledger"]["stored"] == 500
        assert traffic.numbers(viewer.frames) == list(range(500))
        ended = await rest.ended(started["task_id"])
        assert ended["stop_reason"] == "agent-shutdown"


async def test_the_others_exit_with_zero_while_a_capture_runs(
    own_stack: Stack, traffic: Traffic
) -> None:
    own_stack.start()
    async with Rest(own_stack) as rest:
        started = await rest.start_running(filter=traffic.filter)
        async with Viewer(started["session"], started["stream"]) as viewer:
            await viewer.begin()
            traffic.send(10)
            await viewer.has(10)
            streamer = own_stack.processes["streamer"]
            assert await asyncio.to_thread(streamer.terminate) == 0, streamer.tail()
            assert await viewer.closed() == 1001
        for name in ("gateway", "dispatcher", "agent"):
            process = own_stack.processes[name]
            assert await asyncio.to_thread(process.terminate) == 0, process.tail()


async def test_capflow_up_drains_and_exits_with_zero(tmp_path: Path, traffic: Traffic) -> None:
    with Stack(tmp_path) as stack:
        async with Rest(stack) as rest:
            started = await rest.start_running(filter=traffic.filter)
            traffic.send(100)
        up = stack.processes["up"]
        assert await asyncio.to_thread(up.terminate) == 0, up.tail()
        up.start()
        async with Rest(stack) as rest:
            ended = await rest.capture(started["session"])
            assert (ended["state"], ended["stop_reason"]) == ("stopped", "agent-shutdown")
            assert ended["ledger"]["stored"] == 100


async def test_a_service_alone_refuses_what_exists_in_one_process_only(
    place: Place, tmp_path: Path
) -> None:
    for variable in ("CAPFLOW_BUS_URL", "CAPFLOW_ENDPOINTS"):
        servers = {name: url for name, url in place.environment.items() if name != variable}
        agent = Stack(tmp_path, servers).processes["agent"].spawn()
        assert agent.child is not None
        assert await asyncio.to_thread(agent.child.wait, 30) == 2
        assert variable in agent.tail()
        assert "capflow up" in agent.tail()
        assert "Traceback" not in agent.tail()
