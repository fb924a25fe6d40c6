"""What operators see, and the end of a gateway."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from blockbuster import blockbuster_ctx

from contracts.rest import Role
from contracts.task import TaskState
from services.gateway.app import main
from services.runtime.errors import BadSetting, StoreUnavailable
from tests.gateway.world import ADMIN_KEY, World, settings, world
from tests.servers.ports import free_ports
from tests.support.wait import until


async def test_ready_names_the_state_of_each_dependency(gateway: World) -> None:
    answer = await gateway.http.get("/readyz")
    assert answer.json() == {
        "service": "gateway",
        "ready": True,
        "checks": {"bus": "ok", "tasks": "ok", "endpoint main": "ok"},
    }
    assert answer.status_code == 200


async def test_not_ready_says_what_is_away(
    embedded: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away() -> None:
        raise StoreUnavailable("no answer from the endpoint")

    monkeypatch.setattr(embedded.store, "ping", away)
    monkeypatch.setattr(type(embedded.bus), "connected", False)
    # The checks were bound when the gateway was put together; the bus is asked anew.
    answer = await embedded.http.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["bus"] == "not connected"
    assert (await embedded.http.get("/healthz")).status_code == 200


async def test_metrics_count_requests_by_route_and_commands_by_outcome(embedded: World) -> None:
    started = await embedded.start()
    await embedded.http.get(f"/v1/tasks/{started['task_id']}")
    await embedded.http.get("/nothing")
    metrics = (await embedded.http.get("/metrics")).text
    for line in (
        'capflow_gateway_requests_total{method="POST",route="/v1/captures",status="202"} 1.0',
        'capflow_gateway_requests_total{method="GET",route="/v1/tasks/{task_id}",status="200"} 1.0',
        'capflow_gateway_requests_total{method="GET",route="none",status="404"} 1.0',
        'capflow_gateway_commands_total{outcome="accepted",type="capture.start"} 1.0',
    ):
        assert line in metrics


async def test_answers_are_not_kept_and_not_sniffed(embedded: World) -> None:
    for path in ("/v1/captures", "/docs", "/v1/nothing"):
        headers = (await embedded.http.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


async def test_a_gateway_that_stops_leaves_no_queue_behind(gateway: World) -> None:
    started = await gateway.start()
    gateway.stop.set()
    await asyncio.wait_for(gateway.running, 30)
    with pytest.raises(httpx2.TransportError):
        await gateway.http.get("/healthz")
    # Nobody hears events any more, and telling them does no harm.
    await gateway.dispatcher.becomes(started["task_id"], TaskState.RUNNING)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "CAPFLOW_BUS_URL, CAPFLOW_TASKS_URL, CAPFLOW_ENDPOINTS"),
        ({"bus_url": "amqp://localhost/", "tasks_url": "redis://localhost"}, "CAPFLOW_ENDPOINTS"),
    ],
)
async def test_alone_it_refuses_what_lives_inside_one_process(
    tmp_path: Path, given: dict[str, str], named: str
) -> None:
    with pytest.raises(BadSetting, match=named):
        await main(settings(tmp_path, **given), asyncio.Event())


async def test_a_port_that_is_taken_is_told_with_its_variable(embedded: World) -> None:
    taken = settings(
        embedded.settings.data_folder / "other", gateway_port=embedded.settings.gateway_port
    )
    with pytest.raises(BadSetting, match="CAPFLOW_GATEWAY_PORT"):
        async with world(taken):
            pass


async def test_a_process_of_its_own_serves_and_ends_with_0(
    tmp_path: Path, bus_url: str, tasks_url: str, mongo_url: str
) -> None:
    port = free_ports(1)[0]
    environment = {
        **os.environ,
        "CAPFLOW_DATA": str(tmp_path),
        "CAPFLOW_GATEWAY_PORT": str(port),
        "CAPFLOW_ADMIN_KEY": ADMIN_KEY,
        "CAPFLOW_BUS_URL": bus_url,
        "CAPFLOW_TASKS_URL": tasks_url,
        "CAPFLOW_ENDPOINTS": f"main={mongo_url}",
    }
    program = (
        "import sys; from services.gateway.app import main; "
        "from services.gateway.settings import GatewaySettings; "
        "from services.runtime.lifecycle import serve; "
        "sys.exit(serve(lambda stop: main(GatewaySettings(), stop)))"
    )
    with subprocess.Popen([sys.executable, "-c", program], env=environment) as child:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:

            async def ready() -> bool:
                try:
                    return (await http.get("/readyz")).status_code == 200
                except httpx2.TransportError:
                    return False

            await until(ready)
            headers = {"Authorization": f"Bearer {ADMIN_KEY}"}
            assert (await http.get("/v1/captures", headers=headers)).json()["items"] == []
            child.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(child.wait, 30) == 0


async def test_nothing_the_gateway_does_blocks_the_event_loop(tmp_path: Path) -> None:
    with blockbuster_ctx(scanned_modules=["services.gateway"]):
        async with world(settings(tmp_path)) as made:
            await made.dispatcher.resource("web-1", "eth0")
            started = await made.start(filter="udp")
            await made.key(Role.VIEWER)
            session = started["session"]
            for path in (
                "/v1/resources",
                "/v1/captures",
                "/v1/keys",
                f"/v1/tasks/{started['task_id']}",
                f"/v1/captures/{session}/packets?filter=tcp",
                f"/v1/captures/{session}/pcapng",
                "/docs",
                "/readyz",
                "/metrics",
            ):
                assert (await made.http.get(path)).status_code == 200, path
            assert (await made.http.delete("/v1/keys/some-viewer")).status_code == 204
            made.stop.set()
            await made.running
