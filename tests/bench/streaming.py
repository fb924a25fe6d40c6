"""A streamer alone over a store that is written to directly: no agent, no dispatcher."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from services.runtime.tickets import Tickets
from tests.bench import cpu
from tests.bench.servers import AS_SHIPPED
from tests.bench.worker import Worker
from tests.support.servers import Servers
from tests.support.stack import TICKET_SECRET, Stack

AHEAD = 3
"""Steps that are stored before every viewer has the first of them."""
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)

Feed = Callable[[], None]


@dataclass
class Streaming:
    """A streamer, who writes what it sends, and who watches."""

    stack: Stack
    """Of which the streamer alone has been started."""
    storing: Worker
    crowd: Worker
    _numbers: Iterator[int]

    @property
    def pid(self) -> int:
        """The streamer's process."""
        child = self.stack.processes["streamer"].child
        assert child is not None
        return child.pid

    @property
    def url(self) -> str:
        """Where viewers connect."""
        return f"ws://127.0.0.1:{self.stack.ports['streamer']}/v1/stream"

    def session(self) -> str:
        """Record a new capture."""
        at = _EPOCH + timedelta(seconds=next(self._numbers))
        session = f"bench.store.{at:%Y%m%d%H%M%S}"
        self.storing.ask(do="record", session=session)
        return session

    def connect(self, session: str, count: int, **more: Any) -> float:
        """Let viewers in; how many seconds that took."""
        ticket, _ = Tickets(TICKET_SECRET).sign(session, "bench", timedelta(hours=1))
        said = self.crowd.ask(
            do="connect", url=self.url, session=session, ticket=ticket, count=count, **more
        )
        return float(said["seconds"])

    def feeder(self, session: str, blocks: int, packets: int, size: int) -> Feed:
        """Stores so many blocks more at each call, and does not wait for it."""
        order = {"session": session, "blocks": blocks, "packets": packets, "size": size}
        return lambda: self.storing.say(do="store", quietly=True, **order)


@contextmanager
def streaming_on(servers: Servers, **settings: str) -> Iterator[Streaming]:
    """A streamer and its helpers."""
    place = servers.place()
    with TemporaryDirectory(prefix="cfbench-stream-") as folder:
        stack = Stack(Path(folder), place.environment, **{**AS_SHIPPED, **settings})
        try:
            stack.processes["streamer"].start()
            with Worker("storing", place.mongo_url) as storing, Worker("crowd") as crowd:
                yield Streaming(stack, storing, crowd, count())
        finally:
            stack.close()


def closed_loop(crowd: Worker, feed: Feed, step: int, seconds: float) -> dict[str, float]:
    """Feed viewers as fast as the slowest of them takes it; what they got, which is everything."""
    for _ in range(AHEAD):
        feed()
    crowd.say(do="watch", seconds=seconds, step=step)
    while "more" in (heard := crowd.hear()):
        feed()
    assert not heard["missed"], f"{heard['missed']:,} packets were told as gaps"
    return dict(heard)


def measured(crowd: Worker, feed: Feed, step: int, seconds: float, pid: int) -> dict[str, float]:
    """The same after a second of warming up; and CPU of the server, as a share of one core."""
    closed_loop(crowd, feed, step, 1.0)
    before = cpu.used(pid).cpu
    seen = closed_loop(crowd, feed, step, seconds)
    return {**seen, "cpu": (cpu.used(pid).cpu - before) / seen["seconds"]}
