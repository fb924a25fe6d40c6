"""Live exports: a capture as a file that goes on until the capture ends."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from contracts.task import TaskState
from contracts.topology import viewers_key
from services.gateway import streaming
from services.packets.endpoints.port import HistoryLost
from services.runtime.errors import StoreUnavailable
from tests.gateway.running import Reader, Running, running
from tests.gateway.stored import ledger_of
from tests.gateway.world import ADMIN_KEY, World, settings, world
from tests.support.wait import until


async def test_two_live_exports_of_one_capture_are_the_file_that_is_there_at_the_end(
    gateway: World,
) -> None:
    capture = await running(gateway)
    await capture.stores()
    early = Reader(capture)
    await until(lambda: capture.blocks[0].data in early.got)
    for _ in range(20):
        await capture.stores(50)
    late = Reader(capture)
    for _ in range(20):
        await capture.stores(50)
    await capture.ends()
    assert await early.whole() == await late.whole() == await capture.file()


async def test_a_block_is_sent_soon_after_it_was_stored(gateway: World) -> None:
    capture = await running(gateway)
    reader = Reader(capture)
    await capture.stores()
    await until(lambda: capture.blocks[0].data in reader.got)
    await capture.stores()
    await until(lambda: capture.blocks[1].data in reader.got)
    await capture.ends()
    await reader.whole()


async def test_it_flows_before_the_capture_runs(embedded: World) -> None:
    capture = Running(embedded, await embedded.start())
    reader = Reader(capture)
    await until(_viewers_renewed(capture))
    assert reader.got == b""
    await capture.runs()
    await until(lambda: len(reader.got) > 0)
    await capture.stores()
    await capture.ends()
    assert await reader.whole() == await capture.file()


async def test_a_capture_that_never_ran_is_a_file_without_packets(embedded: World) -> None:
    capture = Running(embedded, await embedded.start())
    reader = Reader(capture)
    await until(_viewers_renewed(capture))
    await capture.ends()
    assert await reader.whole() == await capture.file()


async def test_a_live_export_is_a_viewer_and_so_renews_the_lease(gateway: World) -> None:
    capture = await running(gateway, idle_seconds=3)
    reader = Reader(capture)
    await until(_viewers_renewed(capture))
    key = viewers_key(capture.session)
    await gateway.tasks.delete(key)
    await until(_viewers_renewed(capture))
    assert 0 < await gateway.tasks.pttl(key) <= 3000
    reader.task.cancel()
    await asyncio.wait({reader.task})
    await until(lambda: _no_live_stream(gateway))
    await gateway.tasks.delete(key)
    await asyncio.sleep(1.5)  # a renewal would have come by now
    assert not await gateway.tasks.exists(key)


async def test_a_slow_reader_misses_nothing(embedded: World) -> None:
    capture = await running(embedded)
    query = {"live": "1"}
    async with embedded.http.stream("GET", capture.path, params=query) as response:
        pieces = response.aiter_bytes()
        got = await anext(pieces)
        for _ in range(30):
            await capture.stores(2000)  # far more than any buffer on the way holds
        await capture.ends()
        async for piece in pieces:
            got += piece
    assert got == await capture.file()


async def test_a_reader_that_takes_nothing_is_cut(
    embedded: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "_PATIENCE", 0.3)
    capture = await running(embedded)
    for _ in range(60):
        await capture.stores(2000)
    _, writer = await asyncio.open_connection("127.0.0.1", embedded.settings.gateway_port, limit=1)
    head = f"GET {capture.path}?live=1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ADMIN_KEY}"
    writer.write(f"{head}\r\n\r\n".encode())

    async def cut() -> bool:
        metrics = (await embedded.http.get("/metrics")).text
        return 'streams_cut_total{kind="live",reason="took-nothing"} 1.0' in metrics

    await until(cut)
    writer.close()


async def test_with_history_lost_it_reads_on_by_number(
    embedded: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = embedded.store.feed()
    given = feed.changes
    lost = False

    async def changes() -> Any:
        nonlocal lost
        found = await given()
        if found and not lost:
            lost = True
            return [HistoryLost()]
        return found

    monkeypatch.setattr(feed, "changes", changes)
    monkeypatch.setattr(embedded.store, "feed", lambda: feed)
    capture = await running(embedded)
    reader = Reader(capture)
    for _ in range(10):
        await capture.stores()
    await capture.ends()
    assert await reader.whole() == await capture.file()
    assert lost


async def test_a_feed_whose_reading_fails_ends_the_gateway(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ExceptionGroup) as ended:  # noqa: PT012
        async with world(settings(tmp_path / "other")) as broken:
            feed = broken.store.feed()

            async def changes() -> Any:
                raise ValueError("a bug of ours")

            monkeypatch.setattr(feed, "changes", changes)
            monkeypatch.setattr(broken.store, "feed", lambda: feed)
            reader = Reader(await running(broken))
            await asyncio.wait({broken.running}, timeout=30)
            await asyncio.wait({reader.task}, timeout=30)
            assert reader.task.exception() is not None
    assert "a bug of ours" in repr(ended.value)


async def test_while_the_store_is_away_it_waits(
    embedded: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = await running(embedded)
    reader = Reader(capture)
    await capture.stores()
    await until(lambda: capture.blocks[0].data in reader.got)
    with monkeypatch.context() as patched:
        refused = asyncio.Event()

        async def away(*_: Any, **__: Any) -> Any:
            refused.set()
            raise StoreUnavailable("the endpoint is away")

        patched.setattr(embedded.store, "read_blocks", away)
        await asyncio.wait_for(refused.wait(), 30)
    await capture.stores()
    await capture.ends()
    assert await reader.whole() == await capture.file()


async def test_a_gateway_that_ends_does_not_end_the_file_as_if_it_were_whole(
    tmp_path: Path,
) -> None:
    async with world(settings(tmp_path / "other")) as first:
        capture = await running(first)
        await capture.stores()
        reader = Reader(capture)
        await until(lambda: capture.blocks[0].data in reader.got)
        first.stop.set()
        with pytest.raises(httpx2.RemoteProtocolError):
            await reader.whole()
        await asyncio.wait_for(first.running, 30)
    async with world(settings(tmp_path / "other")) as again:
        capture.at = again
        await again.store.update_session(
            (await again.store.session(capture.session)).model_copy(  # type: ignore[union-attr]
                update={
                    "state": TaskState.STOPPED,
                    "stopped_at": datetime.now(UTC),
                    "ledger": ledger_of(capture.blocks),
                }
            )
        )
        assert (await capture.file()).startswith(bytes(reader.got))


async def test_curl_into_tshark_shows_the_packets_as_they_come(embedded: World) -> None:
    capture = await running(embedded)
    command = (
        f"curl -sN -H 'Authorization: Bearer {ADMIN_KEY}' '{embedded.url}{capture.path}?live=1'"
        " | tshark -n -l -i - -T fields -e frame.number -e ip.src 2>/dev/null"
    )
    async with _shell(command) as shell:
        await capture.stores()
        assert shell.stdout is not None
        first = await asyncio.wait_for(shell.stdout.readline(), 30)
        assert first.split() == [b"1", b"10.0.0.1"]
        await capture.stores()
        await capture.ends()
        rest = await asyncio.wait_for(shell.stdout.read(), 30)
    assert [line.split()[0] for line in rest.splitlines()] == [b"2", b"3", b"4"]


@asynccontextmanager
async def _shell(command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    shell = await asyncio.create_subprocess_shell(command, stdout=subprocess.PIPE)
    try:
        yield shell
    finally:
        if shell.returncode is None:
            shell.terminate()
        await shell.wait()


def _viewers_renewed(capture: Running) -> Any:
    async def renewed() -> bool:
        return bool(await capture.at.tasks.exists(viewers_key(capture.session)))

    return renewed


async def _no_live_stream(at: World) -> bool:
    return 'capflow_gateway_streams{kind="live"} 0.0' in (await at.http.get("/metrics")).text
