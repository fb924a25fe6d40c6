"""Live exports: a capture as a file that goes on until the capture ends."""

import asyncio
import hashlib
import subprocess
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
import structlog

from contracts.task import TaskState
from contracts.topology import viewers_key
from services.gateway import streaming
from services.gateway.digests import Digests
from services.gateway.metrics import Metrics
from services.packets.endpoints.port import HistoryLost
from services.runtime.errors import StoreUnavailable
from tests.gateway.stored import block_of, ledger_of
from tests.gateway.world import ADMIN_KEY, World, settings, world
from tests.support.sample_packets import ethernet_samples
from tests.support.wait import until

PACKETS = [ethernet_samples()["udp"], ethernet_samples()["tcp syn"]]


class Running:
    """A capture that runs, and stores a block when told."""

    def __init__(self, at: World, started: dict[str, Any]) -> None:
        self.at = at
        self.session: str = started["session"]
        self.task_id: str = started["task_id"]
        self.blocks: list[Any] = []
        self.path = f"/v1/captures/{self.session}/pcapng"

    async def runs(self) -> None:
        at = datetime.now(UTC)
        await self.at.dispatcher.becomes(
            self.task_id, TaskState.RUNNING, linktype=1, interface="eth0", started_at=at
        )

    async def stores(self, count: int = 2) -> None:
        first = self.blocks[-1].next if self.blocks else 0
        packets = [PACKETS[n % 2] for n in range(count)]
        self.blocks.append(block_of(self.session, len(self.blocks), first, packets))
        await self.at.store.insert_blocks(self.blocks[-1:])

    async def ends(self) -> None:
        await self.at.dispatcher.ends(self.task_id, ledger=ledger_of(self.blocks))

    async def file(self) -> bytes:
        answer = await self.at.http.get(self.path)
        assert answer.status_code == 200
        return answer.content


async def _running(at: World, **fields: Any) -> Running:
    capture = Running(at, await at.start(**fields))
    await capture.runs()
    return capture


class Reader:
    """A live export, read as it comes."""

    def __init__(self, capture: Running) -> None:
        self.got = bytearray()
        self.task = asyncio.create_task(self._read(capture))

    async def _read(self, capture: Running) -> None:
        query = {"live": "1"}
        async with capture.at.http.stream("GET", capture.path, params=query) as response:
            assert response.status_code == 200
            async for piece in response.aiter_bytes():
                self.got += piece

    async def whole(self) -> bytes:
        await asyncio.wait_for(self.task, 60)
        return bytes(self.got)


async def test_two_live_exports_of_one_capture_are_the_file_that_is_there_at_the_end(
    gateway: World,
) -> None:
    capture = await _running(gateway)
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
    capture = await _running(gateway)
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
    capture = await _running(gateway, idle_seconds=3)
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
    capture = await _running(embedded)
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
    capture = await _running(embedded)
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
    capture = await _running(embedded)
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
            reader = Reader(await _running(broken))
            await asyncio.wait({broken.running}, timeout=30)
            await asyncio.wait({reader.task}, timeout=30)
            assert reader.task.exception() is not None
    assert "a bug of ours" in repr(ended.value)


async def test_while_the_store_is_away_it_waits(
    embedded: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = await _running(embedded)
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
        capture = await _running(first)
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
    capture = await _running(embedded)
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


async def test_the_digest_of_the_first_whole_file_is_kept_and_told(gateway: World) -> None:
    capture = await _running(gateway)
    await capture.stores(5)
    assert (await gateway.http.head(capture.path)).headers.get("repr-digest") is None
    reader = Reader(capture)
    await until(lambda: capture.blocks[0].data in reader.got)
    await capture.ends()
    sha256 = hashlib.sha256(await reader.whole()).hexdigest()
    told = (await gateway.http.get(f"/v1/captures/{capture.session}")).json()
    assert told["sha256"] == sha256
    again = await gateway.http.get(capture.path)
    assert hashlib.sha256(again.content).hexdigest() == sha256
    header = f"sha-256=:{b64encode(bytes.fromhex(sha256)).decode()}:"
    assert again.headers["repr-digest"] == header
    head = await gateway.http.head(capture.path, params={"live": "1"})
    assert (head.status_code, head.headers["repr-digest"]) == (200, header)
    assert "content-length" not in head.headers
    assert head.headers["content-type"] == "application/x-pcapng"


async def test_a_digest_of_a_record_that_has_changed_meanwhile_is_not_kept(
    embedded: World,
) -> None:
    capture = await _running(embedded)
    await capture.stores()
    await capture.ends()
    record = await embedded.store.session(capture.session)
    assert record is not None
    amended = record.model_copy(update={"ledger": record.ledger.model_copy(update={"blocks": 0})})
    await embedded.store.update_session(amended, unless_ended=False)
    await Digests(embedded.store, Metrics()).keep(record, "0" * 64)
    assert await embedded.store.session(capture.session) == amended


async def test_a_file_that_is_not_what_it_was_is_told(embedded: World) -> None:
    capture = await _running(embedded)
    await capture.stores()
    await capture.ends()
    await capture.file()
    await embedded.store.delete_blocks(capture.session)
    changed = block_of(capture.session, 0, 0, [b"x" * 60, b"y" * 41])
    await embedded.store.insert_blocks([changed])
    with structlog.testing.capture_logs() as lines:
        await capture.file()
    assert "not what it was" in str([line for line in lines if line["log_level"] == "error"])


def _viewers_renewed(capture: Running) -> Any:
    async def renewed() -> bool:
        return bool(await capture.at.tasks.exists(viewers_key(capture.session)))

    return renewed


async def _no_live_stream(at: World) -> bool:
    return 'capflow_gateway_streams{kind="live"} 0.0' in (await at.http.get("/metrics")).text
