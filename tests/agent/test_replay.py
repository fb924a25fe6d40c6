from collections.abc import Iterator
from pathlib import Path

import pytest

from services.agent.failures import CaptureFailed
from services.agent.replay import BATCH, PAUSE, Replay, timeline
from services.agent.services import DEMO_FILE, Recording
from services.agent.source import Frame, Screen, SourceEnded
from services.packets.capturefile import Recorded
from services.packets.pcapng import enhanced_packet, interface_block, section_header

BEGIN = 10**18


def _file(path: Path, *offsets: float, linktype: int = 1) -> Path:
    packets = [enhanced_packet(BEGIN + round(at * 1e9), b"x" * 60, 60) for at in offsets]
    path.write_bytes(section_header() + interface_block(linktype) + b"".join(packets))
    return path


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


def _opened(recording: Recording, clock: Clock) -> Replay:
    replay = Replay(recording, clock, wall=lambda: 7 * 10**17)
    replay.open(Screen())
    return replay


def _times(frames: list[Frame]) -> list[int]:
    return [at for at, _, _ in frames]


def test_packets_come_when_they_came_and_with_the_times_they_had(tmp_path: Path) -> None:
    clock = Clock()
    replay = _opened(Recording(_file(tmp_path / "a.pcapng", 0, 1, 3)), clock)
    assert _times(replay.read(0)) == [BEGIN]
    assert replay.read(0) == []
    clock.now += 1
    assert _times(replay.read(0)) == [BEGIN + 10**9]
    clock.now += 5
    assert _times(replay.read(0)) == [BEGIN + 3 * 10**9]
    with pytest.raises(SourceEnded):
        replay.read(0)


def test_a_speed_makes_it_faster_and_changes_no_time(tmp_path: Path) -> None:
    clock = Clock()
    replay = _opened(Recording(_file(tmp_path / "a.pcapng", 0, 10), speed=10), clock)
    replay.read(0)
    clock.now += 1
    assert _times(replay.read(0)) == [BEGIN + 10 * 10**9]


def test_as_fast_as_possible_waits_for_nothing(tmp_path: Path) -> None:
    offsets = [float(hour * 3600) for hour in range(BATCH + 5)]
    replay = _opened(Recording(_file(tmp_path / "a.pcapng", *offsets), speed=None), Clock())
    assert [len(replay.read(0)), len(replay.read(0))] == [BATCH, 5]


def test_a_loop_goes_on_with_the_times_of_now(tmp_path: Path) -> None:
    clock = Clock()
    replay = _opened(Recording(_file(tmp_path / "a.pcapng", 0, 1), loop=True), clock)
    clock.now += 1 + PAUSE + 1
    assert _times(replay.read(0)) == [7 * 10**17 + at * 10**9 for at in (0, 1, 2, 3)]


def test_a_loop_of_nothing_ends() -> None:
    def nothing() -> Iterator[Recorded]:
        return iter(())

    assert list(timeline(nothing, Recording(DEMO_FILE, loop=True))) == []


def test_a_time_before_the_first_is_due_at_once(tmp_path: Path) -> None:
    replay = _opened(Recording(_file(tmp_path / "a.pcapng", 5, 2, 6)), Clock())
    assert len(replay.read(0)) == 2


def test_a_halt_ends_a_wait(tmp_path: Path) -> None:
    replay = _opened(Recording(_file(tmp_path / "a.pcapng", 0, 3600)), Clock())
    replay.read(0)
    replay.halt()
    with pytest.raises(SourceEnded):
        replay.read(3600)


def test_what_stands_before_the_damage_is_replayed_and_then_it_is_told(tmp_path: Path) -> None:
    path = _file(tmp_path / "a.pcapng", 0, 0)
    path.write_bytes(path.read_bytes()[:-10])
    replay = _opened(Recording(path), Clock())
    assert len(replay.read(0)) == 1
    with pytest.raises(CaptureFailed, match=r"a\.pcapng, at byte") as caught:
        replay.read(0)
    assert caught.value.code == "replay-unreadable"


def test_a_file_of_two_link_types_is_told_apart(tmp_path: Path) -> None:
    path = _file(tmp_path / "a.pcapng", 0)
    other = _file(tmp_path / "b.pcapng", 0, linktype=101)
    path.write_bytes(path.read_bytes() + other.read_bytes())
    replay = _opened(Recording(path), Clock())
    assert len(replay.read(0)) == 1
    with pytest.raises(CaptureFailed, match="link types 1 and 101"):
        replay.read(0)


def test_an_empty_file_ends_at_once(tmp_path: Path) -> None:
    with pytest.raises(SourceEnded):
        _opened(Recording(_file(tmp_path / "a.pcapng")), Clock()).read(0)


def test_a_file_that_is_none_is_told_when_the_link_type_is_asked(tmp_path: Path) -> None:
    (tmp_path / "a.pcapng").write_bytes(b"not a capture")
    with pytest.raises(CaptureFailed, match="neither a pcap nor a pcapng"):
        Replay(Recording(tmp_path / "a.pcapng")).linktype()
