"""Looks after every connection: one task for all, so that an idle viewer costs no timer."""

import asyncio
from collections import Counter
from collections.abc import Callable

from websockets.protocol import CLOSING, OPEN

from contracts.stream import CloseCode, StreamError
from services.runtime import logs
from services.streamer.doorstep import Doorstep
from services.streamer.encode import message
from services.streamer.line import Line
from services.streamer.liveness import Patience, Verdict
from services.streamer.metrics import Metrics

_SLICE = 500
"""Connections looked at before others have their turn."""
_STUCK = 1.0
"""Seconds after which a connection that is not writable may be cut to free memory."""
_CUT = {Verdict.STALLED: "stalled", Verdict.DEAD: "dead"}


class Warden:
    """Closes what says nothing, cuts what takes nothing, pings what is silent.

    `most_silent` bounds the connections that have not named a session: of more, the oldest go,
    so that a client that speaks gets in however many say nothing.
    """

    def __init__(
        self, patience: Patience, most_silent: int, most_held: int, metrics: Metrics
    ) -> None:
        self._patience = patience
        self._doorstep: Doorstep[Line] = Doorstep(most_silent, patience.hello)
        self._most_held = most_held
        self._metrics = metrics
        self._closing: dict[Line, float] = {}
        self._stuck: dict[Line, tuple[int, float]] = {}
        """Connections that take less than they are sent, the longest first: bytes, since when."""
        self.lines: set[Line] = set()

    def enter(self, line: Line) -> None:
        """A connection was made."""
        self.lines.add(line)
        for evicted in self._doorstep.enter(line, line.loop.time()):
            self._metrics.cut.labels("evicted").inc()
            evicted.cut()

    def welcome(self, line: Line) -> None:
        """A connection has named its session."""
        self._doorstep.leave(line)

    def leave(self, line: Line) -> None:
        """A connection was lost."""
        self._doorstep.leave(line)
        self._closing.pop(line, None)
        self.lines.discard(line)

    def hold(self, line: Line, size: int) -> None:
        """So many bytes wait in a connection's buffer; 0 when it is writable again."""
        self._stuck.pop(line, None)
        if size:
            self._stuck[line] = (size, line.loop.time())

    async def run(self) -> None:
        """Look after the connections until cancelled."""
        pause = min(1.0, self._patience.stall / 10, self._patience.hello / 10)
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(pause)
            self._close_silent(clock())
            self._free_memory(clock())
            await self._look_at_all(clock)

    async def _look_at_all(self, clock: Callable[[], float]) -> None:
        cut: Counter[str] = Counter()
        for index, line in enumerate(list(self.lines), 1):
            verdict = self._look_at(line, clock())
            if verdict in _CUT:
                line.cut()
                cut[_CUT[verdict]] += 1
            if index % _SLICE == 0:
                await asyncio.sleep(0)
        self._metrics.connections.set(len(self.lines))
        for reason, count in cut.items():
            self._metrics.cut.labels(reason).inc(count)
            logs.get("streamer").info("connections were cut", reason=reason, count=count)

    def _free_memory(self, now: float) -> None:
        """Where more than `most_held` waits in all, cut those that have been stuck longest."""
        held = sum(size for size, _ in self._stuck.values())
        self._metrics.held.set(held)
        for line, (size, since) in list(self._stuck.items()):
            if held <= self._most_held or now - since < _STUCK:
                break
            held -= size
            self._metrics.cut.labels("memory").inc()
            line.cut()

    def _close_silent(self, now: float) -> None:
        for line in self._doorstep.late(now):
            self._metrics.cut.labels("silent").inc()
            if not line.is_open:
                line.cut()
                continue
            detail = f"no `session` message within {self._patience.hello:g} s"
            line.put((message(StreamError(code="no-session-message", detail=detail)),))
            line.end(CloseCode.NO_SESSION_MESSAGE, detail)

    def _look_at(self, line: Line, now: float) -> Verdict:
        line.look()
        if line.protocol.state is CLOSING:
            self._hurry(line, now)
        if line.protocol.state is not OPEN:
            return Verdict.FINE
        verdict = line.liveness.judge(line.waiting, now, self._patience)
        if verdict is Verdict.PING:
            line.ping_now()
        return verdict

    def _hurry(self, line: Line, now: float) -> None:
        """End what does not finish its close in time."""
        if now - self._closing.setdefault(line, now) >= self._patience.close:
            line.cut()
