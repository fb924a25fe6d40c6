"""Viewers: resuming elsewhere, falling behind, filters, formats, and what tshark makes of it."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.outside import Rest, Viewer
from tests.support.stack import ADMIN_KEY, Stack
from tests.support.traffic import Traffic
from tests.support.wait import until


@pytest.fixture(scope="module")
def second_streamer(distributed: Stack) -> Iterator[str]:
    """The address of one more streamer beside the one of the stack."""
    process = distributed.process("streamer", "streamer-2").start()
    yield f"ws://127.0.0.1:{process.port}/v1/stream"
    assert process.terminate() == 0


@pytest.mark.parametrize("stack", ["distributed"], indirect=True)
async def test_a_viewer_resumes_by_number_on_another_streamer(
    rest: Rest, traffic: Traffic, second_streamer: str
) -> None:
    started = await rest.start_running(filter=traffic.filter)
    session = started["session"]
    async with Viewer(session, started["stream"]) as first:
        await first.begin("beginning", raw=True)
        traffic.start(rate=2000)
        await first.has(1500)
    resume = first.numbers[-1] + 1
    async with Viewer(session, await rest.ticket(session), second_streamer) as second:
        answer = await second.begin(resume, raw=True)
        assert answer["first"] == resume
        await second.has(1500)
        await traffic.stop()
        await rest.stop(session)
        await second.sees("end")
    numbers = first.numbers + second.numbers
    assert numbers == list(range(traffic.sent))
    assert traffic.numbers(first.frames + second.frames) == list(range(traffic.sent))


async def test_a_viewer_that_pauses_is_told_its_gaps_and_another_misses_nothing(
    stack: Stack, rest: Rest
) -> None:
    async with Traffic(size=1400) as traffic:
        started = await rest.start_running(filter=traffic.filter)
        session = started["session"]
        slow = Viewer(session, started["stream"])
        steady = Viewer(session, await rest.ticket(session))
        async with slow, steady:
            await steady.begin("live", format="pcapng")
            await slow.begin("live", format="pcapng")
            traffic.start(rate=8000, burst=80)
            await slow.has(500)
            slow.reading.clear()
            # The pause is what is tested: long enough for more bytes than a viewer's queue holds.
            at_pause = traffic.sent
            await asyncio.sleep(5)
            slow.reading.set()
            await until(lambda: traffic.sent > at_pause + 30_000, 60)
            await slow.sees("gap", lambda gap: gap["reason"] == "slow-viewer", 30)
            await traffic.stop()
            await rest.stop(session)
            end = await slow.sees("end", timeout=60)
            steady_end = await steady.sees("end", timeout=60)

        assert traffic.numbers(steady.frames) == list(range(traffic.sent))
        assert steady_end["skipped"] == steady_end["missing"] == 0

        gaps = [gap for gap in slow.of("gap") if gap["reason"] == "slow-viewer"]
        skipped = [number for gap in gaps for number in _range(gap)]
        assert end["skipped"] == len(skipped)
        assert sorted(slow.numbers + skipped) == list(range(traffic.sent))
        assert end["next"] == end["sent"] + end["skipped"] == traffic.sent


def _range(gap: dict[str, int]) -> range:
    return range(gap["first"], gap["first"] + gap["count"])


async def test_a_filter_of_a_viewer_keeps_back_and_counts(rest: Rest, traffic: Traffic) -> None:
    async with Traffic() as other:
        both = f"({traffic.filter}) or ({other.filter})"
        started = await rest.start_running(filter=both)
        async with Viewer(started["session"], started["stream"]) as viewer:
            await viewer.begin("beginning", raw=True, filter=traffic.filter)
            for _ in range(50):
                traffic.send(2)
                other.send(1)
            await rest.stop(started["session"])
            end = await viewer.sees("end")
        assert traffic.numbers(viewer.frames) == list(range(100))
        assert (end["sent"], end["filtered"], end["next"]) == (100, 50, 150)

        async with Viewer(started["session"], await rest.ticket(started["session"])) as viewer:
            await viewer.say(type="start", **{"from": "beginning", "filter": "tcp port ("})
            error = await viewer.sees("error")
            assert error["code"] == "invalid-filter"
            await viewer.begin("beginning", format="pcapng", filter=other.filter)
            await viewer.sees("end")
            assert other.numbers(viewer.frames) == list(range(50))


@pytest.mark.parametrize("number", [-1, 2**63, 10**9])
async def test_a_position_that_cannot_be_is_refused(rest: Rest, number: int) -> None:
    started = await rest.start_running("udp", filter="port 9")
    async with Viewer(started["session"], started["stream"]) as viewer:
        await viewer.say(type="start", **{"from": number})
        error = await viewer.sees("error")
        assert error["code"] == "bad-position"
    await rest.stop(started["session"])
    await rest.ended(started["task_id"])


async def test_tshark_reads_what_tail_writes(
    stack: Stack, rest: Rest, traffic: Traffic, tmp_path: Path
) -> None:
    started = await rest.start_running(filter=traffic.filter, limits={"packets": 100})
    traffic.send(100)
    await rest.ended(started["task_id"])
    environment = {
        **stack.environment,
        "CAPFLOW_URL": stack.rest,
        "CAPFLOW_KEY": ADMIN_KEY,
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(tmp_path),
    }
    program = Path(sys.executable).with_name("capflow")
    command = f"{program} tail {started['session']} --from beginning -w - | tshark -n -r - -T json"
    done = await asyncio.to_thread(
        subprocess.run,
        ["bash", "-o", "pipefail", "-c", command + " | grep -c udp.dstport"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.strip() == "100", done.stderr
