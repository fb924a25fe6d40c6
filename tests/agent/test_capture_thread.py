"""The capture thread, on sources that behave as no kernel does."""

import threading
from collections.abc import Callable

import pytest

from contracts.order import Limits
from contracts.task import StopReason
from services.agent import capture
from services.agent.age import BlockAge
from services.agent.backlog import Backlog
from services.agent.blocks import BlockBuilder
from services.agent.capture import Capture, Ending
from services.agent.failures import CaptureFailed
from services.agent.framing import Framer
from services.agent.ledgerbook import LedgerBook
from services.agent.limits import Limiter
from services.agent.source import Counters, Frame, Screen, SourceEnded

FRAMER = Framer()
FRAME: Frame = (10**18, 60, bytes(60))


class Script:
    """A source that does what it is told, one step a read."""

    filters_in_kernel = False
    slack = 0.0

    def __init__(
        self, *steps: list[Frame] | BaseException, seen: int = 0, dropped: int = 0
    ) -> None:
        self.steps = list(steps)
        self.counters = Counters(seen, dropped)
        self.halted = False
        self.closed = False
        self.before_each: Callable[[], None] = lambda: None

    def linktype(self) -> int:
        return 1

    def open(self, screen: Screen) -> None:
        """Nothing to open."""

    def read(self, timeout: float) -> list[Frame]:
        self.before_each()
        if not self.steps:
            return []
        step = self.steps.pop(0)
        if isinstance(step, BaseException):
            raise step
        return step

    def halt(self) -> None:
        self.halted = True

    def statistics(self) -> Counters:
        return self.counters

    def close(self) -> None:
        self.closed = True


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Life:
    """A capture of a script, and what became of it."""

    def __init__(self, source: Script, limits: Limits | None = None) -> None:
        self.source = source
        self.clock = Clock()
        self.book = LedgerBook()
        self.backlog = Backlog("here.lo.20261123000000", 1 << 20, lambda: None)
        self.capture = Capture(
            source,
            BlockBuilder(FRAMER, BlockAge()),
            Limiter(limits or Limits(), self.clock()),
            self.book,
            self.backlog,
            self.clock,
        )

    def run(self) -> Ending:
        ending = self.capture.run()
        assert self.source.closed
        self.book.enter_stored(self.backlog.oldest(1000))
        return ending


def test_a_source_that_ends_ends_the_capture() -> None:
    life = Life(Script([FRAME] * 3, SourceEnded(), seen=3))
    assert life.run() == Ending(StopReason.SOURCE_ENDED)
    assert life.book.ledger().closes()
    assert [block.count for block in life.backlog.oldest(9)] == [3]


def test_what_the_kernel_still_hands_over_after_a_failure_is_taken() -> None:
    down = CaptureFailed("interface-down", "gone")
    life = Life(Script([FRAME], down, [FRAME] * 2, seen=5, dropped=2))
    ending = life.run()
    assert (ending.reason, ending.error) == (StopReason.ERROR, down.failure())
    ledger = life.book.ledger()
    assert (ledger.captured, ledger.dropped_kernel, ledger.stored) == (3, 2, 3)
    assert ledger.closes()


def test_what_is_counted_and_never_handed_over_is_not_waited_for_for_ever() -> None:
    script = Script([FRAME], SourceEnded(), seen=4)
    life = Life(script)

    def pass_time() -> None:
        life.clock.now += 0.3

    script.before_each = pass_time
    life.run()
    ledger = life.book.ledger()
    assert (ledger.captured, ledger.dropped_kernel) == (1, 3)
    assert ledger.closes()


def test_packets_in_the_ring_at_the_deadline_are_taken_and_those_past_a_count_are_not() -> None:
    late = Script([FRAME], [FRAME] * 2, seen=3)
    life = Life(late, Limits(seconds=1))

    def pass_time() -> None:
        life.clock.now += 5

    late.before_each = pass_time
    assert life.run().reason is StopReason.SECONDS
    assert life.book.ledger().captured == 3
    over = Life(Script([FRAME] * 3, [FRAME] * 2, seen=5), Limits(packets=2))
    assert over.run().reason is StopReason.PACKETS
    ledger = over.book.ledger()
    assert (ledger.captured, ledger.beyond_limit) == (2, 3)
    assert ledger.closes()
    assert over.source.halted


def test_the_first_reason_counts() -> None:
    life = Life(Script())
    life.capture.stop(Ending(StopReason.REQUESTED))
    life.capture.stop(Ending(StopReason.AGENT_SHUTDOWN))
    assert life.run() == Ending(StopReason.REQUESTED)


def test_a_block_closes_by_its_age_though_nothing_more_comes() -> None:
    script = Script([FRAME], [], [])
    life = Life(script)
    waiting: list[int] = []

    def pass_time() -> None:
        waiting.append(len(life.backlog.oldest(9)))
        life.clock.now += 0.021
        if not script.steps:
            life.capture.stop(Ending(StopReason.REQUESTED))

    script.before_each = pass_time
    life.run()
    assert waiting == [0, 0, 1, 1]


def test_a_mistake_of_ours_ends_the_capture_and_is_told() -> None:
    life = Life(Script(ZeroDivisionError("oops")))
    ending = life.run()
    assert ending.reason is StopReason.ERROR
    assert ending.error is not None
    assert (ending.error.code, "oops" in ending.error.detail) == ("agent-error", True)


def test_a_read_waits_no_longer_than_until_the_open_block_is_due() -> None:
    waits: list[float] = []

    class Listening(Script):
        def read(self, timeout: float) -> list[Frame]:
            waits.append(timeout)
            return super().read(timeout)

    life = Life(Listening([FRAME], SourceEnded()))
    life.run()
    assert waits[0] == pytest.approx(capture.PATIENCE)
    assert 0 < waits[1] <= 0.0201


def test_where_little_comes_what_comes_until_the_block_is_due_is_read_together() -> None:
    waits: list[float] = []

    class Quiet(Script):
        slack = 60.0

        def read(self, timeout: float) -> list[Frame]:
            waits.append(timeout)
            return super().read(timeout)

    life = Life(Quiet([FRAME], [FRAME] * 3, SourceEnded()))
    life.run()
    assert waits[0] == pytest.approx(capture.PATIENCE)
    assert waits[1] == 0.0
    assert [block.count for block in life.backlog.oldest(9)] == [4]


def test_a_stop_is_heard_at_once_though_the_capture_rests() -> None:
    class Quiet(Script):
        slack = 3600.0

    life = Life(Quiet([FRAME]))
    rested = threading.Event()
    life.source.before_each = rested.set
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BlockAge, "seconds", 3600.0)
        ended: list[Ending] = []
        running = threading.Thread(target=lambda: ended.append(life.run()), daemon=True)
        running.start()
        rested.wait()
        life.capture.stop(Ending(StopReason.REQUESTED))
        running.join(60)
    assert ended == [Ending(StopReason.REQUESTED)]
