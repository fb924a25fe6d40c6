"""The streamer loses its change stream's history, is killed, and has viewers that do not read."""

import asyncio
import os
import resource
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from tests.bench.crowd import Crowd
from tests.faults.field import Field
from tests.faults.outcome import Outcome, Stopwatch, really
from tests.faults.verdict import Verdict
from tests.faults.watched import RECOVERY, Watched
from tests.faults.world import metrics, resident
from tests.support.stack import Process
from tests.support.wait import until

SMALL_OPLOG = ("--oplogSize", "8", "--syncdelay", "1")
"""Options of a mongod whose oplog is soon written over."""
HISTORY_LOST = 'capflow_streamer_history_lost_total{endpoint="main"}'
GOT_IN = 5.0
"""Seconds within which a viewer gets in beside those that say nothing."""
MOST_GROWTH = 192 << 20
"""Bytes that a streamer of 32 MiB for packets may grow by, with 200 viewers that do not read."""


async def history_lost(field: Field) -> Outcome:
    """17: the streamer is stopped for so long that its place in the change stream is gone."""
    streamer = field.stack.processes["streamer"]
    async with field.watched(rate=1000) as capture:
        before = (await metrics(streamer)).get(HISTORY_LOST, 0)
        streamer.send(signal.SIGSTOP)
        try:
            written = await asyncio.to_thread(_write_over_the_oplog, field)
        finally:
            streamer.send(signal.SIGCONT)
        recovered = await _level_again([capture])
        lost = (await metrics(streamer)).get(HISTORY_LOST, 0) - before
        really(lost, "the streamer's change stream went on as if nothing were lost")
        await capture.finish()
        verdict = capture.judge()
    return Outcome(
        f"streamer stopped while {written >> 20} MiB went through an oplog of 8 MiB",
        f"history lost {lost:.0f} times; it read on by number",
        verdict,
        recovered,
    )


def _write_over_the_oplog(field: Field) -> int:
    """Write until the oldest change is newer than now; how many bytes that took."""
    written = 0
    with field.servers.mongo.client() as client:
        newest = next(client.local["oplog.rs"].find().sort("$natural", -1).limit(1))["ts"]
        junk = client["junk"].get_collection("junk")
        for _ in range(2000):
            oldest = next(client.local["oplog.rs"].find().sort("$natural", 1).limit(1))["ts"]
            if oldest > newest:
                break
            junk.insert_many([{"noise": os.urandom(100_000)} for _ in range(10)])
            written += 1_000_000
        client.drop_database("junk")
    really(oldest > newest, f"{written} bytes did not write the oplog over")
    return written


async def streamer_killed(field: Field) -> Outcome:
    """19: SIGKILL with a hundred viewers; each resumes by number."""
    viewers = int(field.pick(100, 40))
    streamer = field.stack.processes["streamer"]
    async with field.watched(viewers=viewers, rate=field.pick(300, 400)) as capture:
        field.kill(streamer)
        await capture.generator.further(400)
        await asyncio.to_thread(streamer.start)
        recovered = await _level_again([capture])
        back = sum(len([v for v in viewer.visits if v.first is not None]) > 1
                   for viewer in capture.viewers)  # fmt: skip
        really(back == viewers, f"{back} of {viewers} viewers resumed")
        await capture.finish()
        verdict = capture.judge()
    return Outcome(f"SIGKILL of the streamer with {viewers} viewers; started again",
                   f"{back} viewers came back by number", verdict, recovered)  # fmt: skip


async def slow_viewers(field: Field) -> Outcome:
    """20: one viewer stops reading and nine go on; then many stop at once."""
    stuck = int(field.pick(200, 60))
    streamer = field.stack.processes["streamer"]
    async with field.watched(viewers=9, rate=1500) as capture:
        before, cut = resident(streamer), await _cut(streamer)
        slow = capture.watch()
        await slow.begin()
        slow.reading.clear()
        crowd = Crowd()
        try:
            await asyncio.to_thread(_join, crowd, await _stream(capture, field), stuck)
            gone, most = await _all_cut(streamer, cut, stuck + 1)
        finally:
            crowd.leave()
        slow.reading.set()
        recovered = await _level_again([capture])
        await capture.finish()
        verdict = capture.judge()
    grown = most - before
    verdict.add(_judge_steady(capture.viewers[:9], grown))
    told = sum(gap.count for gap in slow.gaps)
    really(told or len(slow.visits) > 1, "the slow viewer was neither told nor cut")
    return Outcome(
        f"1 viewer of 10 stopped reading, then {stuck} more at once",
        f"{gone:.0f} were cut; the slow one was told of {told} packets over {len(slow.visits)} "
        f"connections; memory grew by {max(0, grown) >> 20} MiB at most; nine missed nothing",
        verdict,
        recovered,
    )


async def _stream(capture: Watched, field: Field) -> dict[str, Any]:
    ticket = await field.rest.ticket(capture.session)
    return {"url": ticket["url"], "session": capture.session, "ticket": ticket["ticket"]}


def _join(crowd: Crowd, stream: dict[str, Any], count: int) -> None:
    start = {"from": "live", "format": "pcapng"}
    crowd.connect(**stream, count=count, start=start, silent=count)


def _judge_steady(viewers: list[Any], grown: int) -> Verdict:
    verdict = Verdict()
    for number, viewer in enumerate(viewers):
        skipped = any(gap.reason == "slow-viewer" for gap in viewer.gaps)
        if skipped or len(viewer.visits) > 1:
            verdict.own.append(f"viewer {number}, who read all the time, was cut or lost packets")
    if grown > MOST_GROWTH:
        verdict.i5.append(f"the streamer grew by {grown} bytes")
    return verdict


async def _cut(streamer: Process) -> float:
    shown = await metrics(streamer)
    return sum(value for name, value in shown.items() if "_streamer_cut_total" in name)


async def _all_cut(streamer: Process, before: float, count: int) -> tuple[float, int]:
    """Wait until so many viewers are cut; how many were, and the most bytes held meanwhile."""
    held: list[int] = []

    async def cut() -> float:
        held.append(resident(streamer))
        gone = await _cut(streamer) - before
        return gone if gone >= count else 0

    return await until(cut, 60, every=0.2), max(held)


async def silent_connections(field: Field) -> Outcome:
    """23: two thousand connections that say nothing."""
    count = 2000
    port = field.stack.ports["streamer"]
    async with field.watched() as capture:
        with _many_files(), ExitStack() as held:
            silent = [_silent(held, port) for _ in range(count)]
            watch = Stopwatch()
            late = capture.watch()
            await late.begin()
            got_in = watch.seconds
            await asyncio.gather(*(_closed(one) for one in silent))
            closed = watch.seconds
        await capture.finish()
        verdict = capture.judge()
    verdict.must(closed <= 15, f"they were closed after {closed:.1f} s only")
    verdict.must(field.in_time(got_in, GOT_IN), f"a viewer got in after {got_in:.1f} s only")
    return Outcome(f"{count} connections that say nothing",
                   f"all closed after {closed:.1f} s; a viewer got in after {got_in:.2f} s",
                   verdict)  # fmt: skip


@contextmanager
def _many_files() -> Iterator[None]:
    """Meanwhile this process may have as many files open as it may have at all."""
    usual, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (usual, most))


def _silent(held: ExitStack, port: int) -> socket.socket:
    connection = held.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
    connection.setblocking(False)
    return connection


async def _closed(connection: socket.socket) -> None:
    """Wait until the server has closed a connection."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(30):
        try:
            while await loop.sock_recv(connection, 4096):
                pass
        except ConnectionError:
            return


async def _level_again(captures: list[Watched]) -> float:
    watch = Stopwatch()
    await asyncio.gather(*(capture.flows(RECOVERY) for capture in captures))
    return watch.seconds
