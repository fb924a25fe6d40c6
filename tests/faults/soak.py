"""Everything, mixed: clients start and stop captures, and a capture of numbered packets is watched
from its first to its last one, while the nemesis is at work."""

import asyncio
import os
from typing import Any

from tests.faults.field import Field
from tests.faults.nemesis import Nemesis
from tests.faults.outcome import Outcome, Stopwatch, really
from tests.faults.promises import Promises
from tests.faults.verdict import Verdict
from tests.faults.world import World

WATCHED: dict[str, Any] = {"resource": "host-32", "limits": {"seconds": 7200, "bytes": 8 << 30}}
"""The capture under watch is on an agent that is left alone: a killed one would end it."""
RATE = 500
SECONDS = 600.0
CLIENTS = 6
DRAIN = 90.0
"""Seconds until every client that waits for an end has it."""


class Everything(Field):
    """The services of both."""

    def services(self) -> str:
        return World.services(self) + f'[services.wire]\ninterface = "{self.wire.near}"\n'


async def mixed(world: Everything) -> Outcome:
    """32: for `SOAK` seconds, or ten minutes."""
    seconds = float(os.environ.get("SOAK") or SECONDS)
    async with world.second_agent("host-32"), world.watched(rate=RATE, **WATCHED) as capture:
        outcome = await _break_everything(world, seconds)
        await capture.flows(DRAIN)
        await capture.finish(DRAIN)
        outcome.verdict.add(capture.judge())
    visits = sum(len(viewer.visits) for viewer in capture.viewers)
    outcome.seen += f"; {capture.generator.sent} packets seen over {visits} connections"
    return outcome


async def _break_everything(world: World, seconds: float) -> Outcome:
    promises, nemesis, over = Promises(world), Nemesis(world), asyncio.Event()
    clients = [asyncio.create_task(_client(promises, number, over)) for number in range(CLIENTS)]
    try:
        await nemesis.run(seconds)
    finally:
        over.set()
    drained = Stopwatch()
    results = await asyncio.wait_for(asyncio.gather(*clients, return_exceptions=True), DRAIN)
    verdict = Verdict(i1=promises.judge(reason=None))
    verdict.i1 += [f"a client gave up: {one!r}" for one in results if isinstance(one, Exception)]
    really(promises.not_answered, "no client ever noticed")
    injected = ", ".join(f"{name} {count}" for name, count in sorted(nemesis.done.items()))
    seen = (
        f"{len(promises.accepted)} captures, {len(promises.refused)} starts refused, "
        f"{promises.not_answered} answers were 503 or none; drained in {drained.seconds:.1f} s"
    )
    return Outcome(f"in {seconds:g} s: {injected}", seen, verdict)


async def _client(promises: Promises, number: int, over: asyncio.Event) -> None:
    while not over.is_set():
        await promises.start_and_stop(f"s{number}")
