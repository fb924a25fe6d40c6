"""What every capture source must do."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.agent.age import BlockAge
from services.agent.blankring import Spare
from services.agent.failures import CaptureFailed
from services.agent.replay import Replay
from services.agent.ring import Ring
from services.agent.scapysource import ScapySource
from services.agent.services import Recording
from services.agent.source import Frame, Rule, Screen, Source, SourceEnded
from services.packets.filters import FilterCompiler
from services.packets.pcapng import enhanced_packet, interface_block, section_header
from tests.support.numbered import payload
from tests.support.traffic import Traffic

COUNT = 20
ROOT = Path(__file__).parents[2]


class Bench:
    """A source, and a way to let COUNT packets come to it."""

    def __init__(self, source: Source, traffic: Traffic, feed: Callable[[], None]) -> None:
        self.source = source
        self.traffic = traffic
        self.feed = feed


def _recorded(traffic: Traffic, path: Path) -> Path:
    frames = [
        bytes(14) + bytes(28) + payload(traffic.run, number, traffic.size)
        for number in range(COUNT)
    ]
    packets = [enhanced_packet(10**18 + at, data, len(data)) for at, data in enumerate(frames)]
    path.write_bytes(section_header() + interface_block(1) + b"".join(packets))
    return path


@pytest.fixture(params=["ring", "spare ring", "scapy", "replay"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    traffic, spare = Traffic(), Spare(4 << 20, BlockAge())
    sources: dict[str, Callable[[], Source]] = {
        "ring": lambda: Ring("lo", 4 << 20),
        "spare ring": lambda: Ring("lo", 4 << 20, spare),
        "scapy": lambda: ScapySource("lo"),
        "replay": lambda: Replay(Recording(_recorded(traffic, tmp_path / "r.pcapng"))),
    }
    source = sources[request.param]()
    feed = (lambda: None) if request.param == "replay" else (lambda: traffic.send(COUNT))
    yield Bench(source, traffic, feed)
    source.close()
    spare.close()
    traffic.close()


async def _screen(bench: Bench, snaplen: int = 65_535) -> Screen:
    if isinstance(bench.source, Replay):
        return Screen((), snaplen)
    compiler = FilterCompiler()
    kernel = bench.source.filters_in_kernel
    program = await compiler.compile(bench.traffic.filter, kernel=kernel)
    await compiler.close()
    return Screen((Rule(bench.traffic.filter, program),), snaplen)


def _read(source: Source, enough: int, seconds: float = 5.0) -> list[Frame]:
    frames: list[Frame] = []
    deadline = time.monotonic() + seconds
    with contextlib.suppress(SourceEnded):
        while len(frames) < enough and time.monotonic() < deadline:
            frames += source.read(0.05)
    return frames


async def test_packets_come_in_order_whole_and_counted(bench: Bench) -> None:
    bench.source.open(await _screen(bench))
    bench.feed()
    frames = _read(bench.source, COUNT)
    seen = list(dict.fromkeys(bench.traffic.numbers(data for _, _, data in frames)))
    assert seen == list(range(COUNT))
    assert all(length == len(data) for _, length, data in frames)
    assert bench.source.statistics().seen == len(frames)
    assert bench.source.statistics().dropped == 0


async def test_times_are_in_nanoseconds_and_never_go_back(bench: Bench) -> None:
    bench.source.open(await _screen(bench))
    bench.feed()
    times = [at for at, _, _ in _read(bench.source, COUNT)]
    assert times == sorted(times)
    assert 10**18 <= times[0] < 3 * 10**18


async def test_packets_are_cut_to_the_snap_length(bench: Bench) -> None:
    bench.source.open(await _screen(bench, snaplen=50))
    bench.feed()
    assert {(length, len(data)) for _, length, data in _read(bench.source, COUNT)} == {(142, 50)}


async def test_the_link_type_is_known_before_it_is_opened(bench: Bench) -> None:
    assert bench.source.linktype() == 1


async def test_a_read_gives_nothing_when_nothing_comes_in_time(bench: Bench) -> None:
    bench.source.open(await _screen(bench))
    bench.feed()
    _read(bench.source, COUNT)
    began = time.monotonic()
    with contextlib.suppress(SourceEnded):
        assert bench.source.read(0.05) == []
    assert time.monotonic() - began < 15


async def test_after_a_halt_all_that_was_counted_can_be_read(bench: Bench) -> None:
    bench.source.open(await _screen(bench))
    bench.feed()
    frames = _read(bench.source, 1)
    bench.source.halt()
    bench.feed()
    counted = bench.source.statistics()
    frames += _read(bench.source, counted.seen - counted.dropped - len(frames))
    assert len(frames) == counted.seen - counted.dropped
    assert bench.source.statistics() == counted


async def test_closing_twice_does_no_harm(bench: Bench) -> None:
    bench.source.open(await _screen(bench))
    bench.source.close()
    bench.source.close()


async def test_an_open_ring_gives_nothing_away_that_its_filter_refuses() -> None:
    """Filter and ring come before the bind: packets on the way then are not in it."""
    compiler = FilterCompiler()
    program = await compiler.compile("udp port 9", kernel=True)
    await compiler.close()
    async with Traffic() as traffic:
        for _ in range(20):
            traffic.send(5)
            ring = Ring("lo", 1 << 20)
            ring.open(Screen((Rule("", program),)))
            traffic.send(5)
            assert ring.read(0.01) == []
            ring.close()


@pytest.mark.parametrize("source", [Ring("nosuch0", 1 << 20), ScapySource("nosuch0")])
def test_an_interface_that_is_not_there_is_named(source: Source) -> None:
    with pytest.raises(CaptureFailed, match="no interface nosuch0"):
        source.linktype()


WITHOUT_THE_RIGHT = """
from services.agent.failures import CaptureFailed
from services.agent.ring import Ring
from services.agent.source import Screen
ring = Ring("lo", 1 << 20)
assert ring.linktype() == 1
try:
    ring.open(Screen())
except CaptureFailed as failed:
    print(failed.code, failed.detail)
"""


def test_a_ring_without_the_right_says_what_to_do() -> None:
    command = ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"]
    script = [sys.executable, "-c", WITHOUT_THE_RIGHT]
    done = subprocess.run([*command, *script], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.startswith("no-permission capturing on lo needs CAP_NET_RAW"), done
    assert "setcap" in done.stdout
    assert "demo" in done.stdout
