"""Whoever asked for a capture goes away."""

import asyncio
import signal
from contextlib import suppress

from tests.faults.field import Field
from tests.faults.outcome import Outcome, Stopwatch, really
from tests.faults.verdict import Verdict
from tests.faults.watched import RECOVERY
from tests.support.command import spawn
from tests.support.stack import ADMIN_KEY
from tests.support.wait import until

IDLE = 5
"""Seconds that a capture goes on unwatched."""


async def viewers_gone(field: Field) -> Outcome:
    """29: a viewer is killed; a client that only ever used REST is gone."""
    async with field.watched(viewers=1, keep=False, idle_seconds=IDLE) as capture:
        rest_only = await field.rest.start_running("other", keep=False, idle_seconds=IDLE)
        environment = {"CAPFLOW_URL": field.stack.rest, "CAPFLOW_KEY": ADMIN_KEY}
        tail = await spawn("tail", capture.session, env=environment)
        try:
            assert tail.stdout is not None
            line = await asyncio.wait_for(tail.stdout.readline(), 20)
            really(line, "the viewer showed nothing")
            first = capture.viewers.pop()  # kept it alive until then, however long that took
            await first.leave()
            really((await capture.task())["state"] == "running", "it ended before the kill")
        finally:
            tail.send_signal(signal.SIGKILL)
            await tail.communicate()
        watch = Stopwatch()
        await capture.over(IDLE + RECOVERY)
        took = watch.seconds
        alone = await field.rest.ended(rest_only["task_id"], IDLE + RECOVERY)
        capture.generator.stop()
        verdict = capture.judge(all_seen=False, gone=[first])
    verdict.add(_judge_ends(capture.ended["stop_reason"], alone["stop_reason"], took))
    verdict.i4 += await _leases_left(field, capture.session, rest_only["session"])
    return Outcome("SIGKILL of `capflow tail`; a start by REST that nobody ever watched",
                   f"both ended no-viewer, the first {took:.1f} s after the kill; no key stayed",
                   verdict)  # fmt: skip


def _judge_ends(first: str, second: str, took: float) -> Verdict:
    verdict = Verdict()
    verdict.must({first, second} == {"no-viewer"}, f"they ended {first} and {second}")
    verdict.must(took > IDLE - 1, f"it ended {took:.1f} s after its viewer, who might come back")
    return verdict


async def _leases_left(field: Field, *sessions: str) -> list[str]:
    """Leases of viewers that are gone; claims and orders are judged after every fault."""

    def left() -> list[str]:
        with field.place.redis() as redis:
            keys = [f"capflow:viewers:{session}" for session in sessions]
            return [f"{key} stayed" for key in keys if redis.exists(key)]

    with suppress(AssertionError):
        await until(lambda: not left(), IDLE + 5)
    return left()
