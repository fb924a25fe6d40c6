"""Everything, mixed: clients start and stop captures while the nemesis is at work."""

import asyncio
import os

from tests.faults.nemesis import Nemesis
from tests.faults.outcome import Outcome, Stopwatch, really
from tests.faults.promises import Promises
from tests.faults.verdict import Verdict
from tests.faults.world import World

SECONDS = 600.0
CLIENTS = 6
DRAIN = 90.0
"""Seconds until every client that waits for an end has it."""


async def mixed(world: World) -> Outcome:
    """32: for `SOAK` seconds, or ten minutes."""
    seconds = float(os.environ.get("SOAK") or SECONDS)
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
