"""A start is not bound to the KeepAlive interval."""

import time
from pathlib import Path

from tests.support.outside import Rest
from tests.support.servers import Place
from tests.support.stack import Stack

INTERVAL = 30


async def test_a_capture_runs_long_before_the_next_keepalive(place: Place, tmp_path: Path) -> None:
    with Stack(tmp_path, place.environment, CAPFLOW_KEEPALIVE=str(INTERVAL)) as stack:
        async with Rest(stack) as rest:
            took = []
            for _ in range(5):
                began = time.monotonic()
                started = await rest.start_running(filter="udp port 9")
                took.append(time.monotonic() - began)
                await rest.stop(started["session"])
                await rest.ended(started["task_id"])
    # Five starts within one interval: each by a push, none by waiting for a KeepAlive.
    assert sum(took) < INTERVAL / 2, took
