"""The streamer as a service of its own."""

import asyncio
from pathlib import Path

import pytest

from services.runtime.errors import BadSetting
from services.runtime.settings import load
from services.streamer.app import main
from services.streamer.settings import StreamerSettings
from tests.servers.ports import free_ports
from tests.streamer.stage import Stage
from tests.support.wait import until


async def test_it_refuses_a_task_store_in_memory(tmp_path: Path) -> None:
    settings = load(StreamerSettings, data=tmp_path, tasks_url="memory://")
    with pytest.raises(BadSetting, match="CAPFLOW_TASKS_URL"):
        await main(settings, asyncio.Event())


async def test_it_refuses_a_sqlite_endpoint(tmp_path: Path) -> None:
    settings = load(StreamerSettings, data=tmp_path, tasks_url="redis://127.0.0.1:1")
    with pytest.raises(BadSetting, match="CAPFLOW_ENDPOINTS"):
        await main(settings, asyncio.Event())


async def test_a_port_that_is_taken_is_named(embedded: Stage) -> None:
    streamer = await embedded.streamer()
    with pytest.raises(BadSetting, match="CAPFLOW_STREAMER_PORT"):
        await embedded.streamer(streamer_port=streamer.port)


async def test_it_runs_on_real_servers_until_it_is_told_to_stop(
    tmp_path: Path, tasks_url: str, mongo_url: str
) -> None:
    port = free_ports(1)[0]
    settings = load(
        StreamerSettings,
        data=tmp_path,
        tasks_url=tasks_url,
        endpoints=f"main={mongo_url}",
        streamer_port=port,
    )
    stop = asyncio.Event()
    running = asyncio.create_task(main(settings, stop))
    await until(lambda: _serves(port))
    stop.set()
    await asyncio.wait_for(running, 30)
    assert (tmp_path / "ticket.secret").stat().st_mode & 0o777 == 0o600


async def _serves(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True
