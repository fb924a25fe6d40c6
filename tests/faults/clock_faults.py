"""Clocks step by an hour, forth and back, under services that run."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx2
from websockets.exceptions import ConnectionClosed

from tests.faults.outcome import Outcome, Stopwatch, really
from tests.faults.promises import Promises
from tests.faults.verdict import Verdict
from tests.faults.world import World
from tests.support.outside import Viewer
from tests.support.stack import SERVICES
from tests.support.traffic import Traffic
from tests.support.wait import until

SLEEP_BY_WAITING = """
import threading
import time

time.sleep = lambda seconds: threading.Event().wait(seconds) and None
"""
"""For the faked processes: libfaketime 0.9.10 makes `clock_nanosleep` an error (EINVAL)."""
CACHED = 1
"""Seconds after which the library reads a clock's file again."""
SECONDS = 3
"""The limit of a capture that begins after a step."""
MOST_LATE = 4.0
STEPS = ("+3600", "-3600")
TICKET_REFUSED = 4401


class Skewed(World):
    """Each service has a wall clock of its own, which can be stepped; the monotonic one is true."""

    async def adjust(self, held: AsyncExitStack) -> None:
        self.clocks = {name: self.folder / f"{name}.clock" for name in SERVICES}
        (self.folder / "sitecustomize.py").write_text(SLEEP_BY_WAITING)
        library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
        for name, clock in self.clocks.items():
            clock.write_text("+0\n")
            self.stack.processes[name].environment |= {
                "LD_PRELOAD": str(library),
                "PYTHONPATH": str(self.folder),
                "FAKETIME_TIMESTAMP_FILE": str(clock),
                "FAKETIME_CACHE_DURATION": f"{CACHED}",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            }

    async def step(self, service: str, seconds: str) -> None:
        """Step the clock of a service, to so many seconds off the true one, and see it there."""
        self.clocks[service].write_text(f"{seconds}\n")
        if service == "streamer":  # its answers have no `Date`; what it says of tickets shows it
            await asyncio.sleep(2 * CACHED)
            return

        async def is_off() -> bool:
            return abs(await self._off(service) - int(seconds)) < 60

        await until(is_off, 15, every=0.2)

    async def _off(self, service: str) -> float:
        """Seconds that a service's clock is ahead of ours, by the `Date` of its answers."""
        url = f"http://127.0.0.1:{self.stack.processes[service].port}/healthz"
        async with httpx2.AsyncClient(timeout=5) as client:
            told = (await client.get(url)).headers["date"]
        return (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds()


async def stepped(world: Skewed) -> Outcome:
    """31: the clock of each service in turn, an hour forth and an hour back."""
    promises, verdict, seen = Promises(world), Verdict(), []
    bystander = await promises.start("s0", keep=True)
    assert bystander is not None
    await world.rest.task(bystander, wait=20)
    for service in SERVICES:
        for step in STEPS:
            await world.step(service, step)
            seen.append(await _one_step(world, promises, f"{service} {step} s", verdict))
            await world.step(service, "+0")
            state = (await world.rest.task(bystander))["state"]
            verdict.must(state == "running", f"{service} {step} s: the one beside is {state}")
    await promises.stop(bystander)
    await promises.ended(bystander)
    really("streamer +3600 s" in " ".join(one for one in seen if "refused" in one),
           "the streamer's clock was not stepped")  # fmt: skip
    verdict.i1 += promises.judge()
    return Outcome("the clock of each service stepped by an hour, forth and back",
                   "; ".join(seen), verdict)  # fmt: skip


async def _one_step(world: Skewed, promises: Promises, what: str, verdict: Verdict) -> str:
    """A capture that begins now is watched, in order, and ends at its own limit of seconds."""
    async with Traffic() as traffic:
        limits = {"seconds": SECONDS}
        task_id = await promises.start("s1", filter=traffic.filter, limits=limits, keep=True)
        assert task_id is not None
        await world.rest.task(task_id, wait=20)
        traffic.start(rate=200)
        numbers, took = await asyncio.gather(
            _watch(world, promises.accepted[task_id]), _seconds_to_end(promises, task_id)
        )
    task = await world.rest.task(task_id)
    reason = task["stop_reason"]
    verdict.must(reason == "seconds", f"{what}: it ended {reason}")
    late = took - SECONDS
    verdict.must(-1 < late < MOST_LATE, f"{what}: {SECONDS} s took {took:.1f} s")
    if numbers is None:
        verdict.must("agent" not in what and "dispatcher" not in what, f"{what}: ticket refused")
        return f"{what}: {took:.1f} s, new tickets refused"
    verdict.must(numbers, f"{what}: no packet came")
    verdict.i2 += [f"{what}: packets in disorder"] * (numbers != list(range(len(numbers))))
    return f"{what}: {took:.1f} s"


async def _seconds_to_end(promises: Promises, task_id: str) -> float:
    began = Stopwatch()
    await promises.ended(task_id)
    return began.seconds


async def _watch(world: Skewed, session: str) -> list[int] | None:
    """The numbers that a viewer is sent until the end; none where its ticket is refused.

    A ticket is good for minutes by two wall clocks, the gateway's and the streamer's.
    """
    ticket = await world.rest.ticket(session)
    try:
        async with Viewer(session, ticket) as viewer:
            await viewer.sees("session")
            await viewer.begin("beginning")
            await viewer.sees("end", timeout=30)
            return viewer.numbers
    except (AssertionError, ConnectionClosed):
        if viewer.close_code != TICKET_REFUSED:
            raise
        return None
