"""A capture source that replays a pcap or pcapng file, paced as it was recorded."""

import threading
import time
from collections.abc import Callable, Iterator

from services.agent.failures import REPLAY_UNREADABLE, CaptureFailed
from services.agent.services import Recording
from services.agent.source import Counters, Frame, Screen, SourceEnded
from services.packets.capturefile import BadCaptureFile, Recorded, open_capture
from services.packets.linktypes import ETHERNET

BATCH = 1000
"""Packets of one read."""
PAUSE = 1.0
"""Seconds, at the recording's pace, between two rounds of one that is looped."""

Timed = tuple[float, Recorded]
"""A packet, and how many seconds after the start it is due."""


class Replay:
    """The packets of a file, with the times they were recorded at.

    A looped recording goes on and on, so its packets have the time they are replayed at.
    """

    filters_in_kernel = False
    slack = 0.0

    def __init__(
        self,
        recording: Recording,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], int] = time.time_ns,
    ) -> None:
        self._recording = recording
        self._clock = clock
        self._wall = wall
        self._halted = threading.Event()
        self._screen = Screen()
        self._linktype = ETHERNET
        self._taken = 0
        self._started = 0.0
        self._started_ns = 0
        self._coming: Iterator[Timed] = iter(())
        self._next: Timed | None = None
        self._broken: CaptureFailed | None = None

    def linktype(self) -> int:
        """As Source: that of the first packet."""
        for packet in self._file():
            return packet.linktype
        return ETHERNET

    def open(self, screen: Screen) -> None:
        """As Source."""
        self._screen = screen
        self._linktype = self.linktype()
        self._started, self._started_ns = self._clock(), self._wall()
        self._coming = timeline(self._file, self._recording)
        self._advance()

    def read(self, timeout: float) -> list[Frame]:
        """As Source."""
        if self._halted.is_set() or self._next is None:
            raise self._broken or SourceEnded
        frames = self._due()
        if not frames and self._next is not None:
            wait = self._started + self._next[0] - self._clock()
            self._halted.wait(max(0.0, min(timeout, wait)))
        self._taken += len(frames)
        return frames

    def halt(self) -> None:
        """As Source."""
        self._halted.set()

    def statistics(self) -> Counters:
        """As Source. A file has no drops."""
        return Counters(seen=self._taken)

    def close(self) -> None:
        """As Source."""
        self._halted.set()
        self._next = None
        self._coming = iter(())

    def _due(self) -> list[Frame]:
        """What is due by now and passes the screen, of one batch of packets."""
        elapsed = self._clock() - self._started
        frames: list[Frame] = []
        for _ in range(BATCH):
            if self._next is None or self._next[0] > elapsed:
                break
            if frame := self._screen.take(self._frame(*self._next)):
                frames.append(frame)
            self._advance()
        return frames

    def _frame(self, due: float, packet: Recorded) -> Frame:
        moved = self._started_ns + round(due * 1e9)
        return (moved if self._recording.loop else packet.ts), packet.length, packet.data

    def _advance(self) -> None:
        """Make the next packet ready. What is wrong with it is told once those before are read."""
        try:
            self._next = next(self._coming, None)
            if self._next is not None:
                self._check(self._next[1].linktype)
        except CaptureFailed as failed:
            self._next, self._broken = None, failed

    def _check(self, linktype: int) -> None:
        if linktype != self._linktype:
            raise CaptureFailed(
                REPLAY_UNREADABLE,
                f"{self._recording.file} holds packets of link types {self._linktype} and "
                f"{linktype}, and a capture has one; split it by interface",
            )

    def _file(self) -> Iterator[Recorded]:
        try:
            with open_capture(self._recording.file) as packets:
                yield from packets
        except BadCaptureFile as error:
            raise CaptureFailed(REPLAY_UNREADABLE, str(error)) from error


def timeline(packets: Callable[[], Iterator[Recorded]], recording: Recording) -> Iterator[Timed]:
    """Each packet with when it is due: as recorded, `speed` times faster, or at once.

    A packet with an earlier time than the first one is due at once. An empty recording ends, even
    looped.
    """
    pace = 0.0 if recording.speed is None else 1e-9 / recording.speed
    begin = due = 0.0
    first: int | None = None
    while True:
        for packet in packets():
            first = packet.ts if first is None else first
            due = begin + max(0.0, (packet.ts - first) * pace)
            yield due, packet
        if not recording.loop or first is None:
            return
        begin = due + PAUSE * 1e9 * pace
