"""What a viewer gets of a block, and how it is written as JSON."""

import base64
from collections.abc import Callable
from time import thread_time

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from contracts.block import Block
from contracts.stream import PacketSummary
from services.packets.pcapng import Malformed, enhanced_packet, frames_of, packets_of
from services.packets.program import Program
from services.packets.selection import select
from services.packets.summaries import json_packets, packet_summaries, time_text
from services.packets.summary import summarise
from tests.support import sample_packets as samples

PACKETS = list(samples.ethernet_samples().values())
FIRST = 1000
SHORTER_THAN_60 = Program(
    "less 59", [(0x80, 0, 0, 0), (0x25, 0, 1, 59), (6, 0, 0, 0), (6, 0, 0, 99)]
)
SUMMARIES = TypeAdapter(list[PacketSummary])


def block(count: int | None = None) -> Block:
    data = b"".join(
        enhanced_packet(at * 10**9 + at, one, len(one)) for at, one in enumerate(PACKETS)
    )
    count = len(PACKETS) if count is None else count
    return Block("a.b.20260101000000", 3, FIRST, count, 0, 0, sum(map(len, PACKETS)), 0, data)


@given(st.integers(0, 2000), st.none() | st.integers(0, 2000), st.booleans())
def test_a_selection_is_the_packets_between_that_pass(
    first: int, below: int | None, filtered: bool
) -> None:
    program = SHORTER_THAN_60 if filtered else None
    found = select(block(), first=first, below=below, program=program)
    asked = [
        number
        for number in range(FIRST, FIRST + len(PACKETS))
        if number >= first and (below is None or number < below)
    ]
    kept = [n for n in asked if not filtered or len(PACKETS[n - FIRST]) <= 59]
    assert found.numbers == kept
    assert found.considered == len(asked)
    assert [packet.data for packet in packets_of(found.pcapng())] == [
        PACKETS[n - FIRST] for n in kept
    ]
    assert found.captured == sum(len(PACKETS[n - FIRST]) for n in kept)


def test_a_block_that_lies_about_its_count_is_malformed() -> None:
    with pytest.raises(Malformed, match="and says 5"):
        select(block(count=5))


def test_the_json_is_what_the_contract_says() -> None:
    items = SUMMARIES.validate_json(json_packets(select(block()), 1), strict=True)
    for at, (item, data) in enumerate(zip(items, PACKETS, strict=True)):
        assert item.number == FIRST + at
        assert item.time == f"{at}.{at:09d}"
        assert item.length == len(data)
        said = (item.source, item.destination, item.protocol, item.info)
        assert said == tuple(summarise(data, 1))
        assert item.data is None


def changed(packets: list[bytes]) -> st.SearchStrategy[bytes]:
    """A real packet, cut and with some of its bytes changed, the headers' most of all."""
    places = st.integers(0, 80) | st.integers(0, 2000)
    changes = st.lists(st.tuples(places, st.integers(0, 255)), max_size=6)
    return st.builds(_changed, st.sampled_from(packets), changes, st.integers(0, 2000))


def _changed(packet: bytes, changes: list[tuple[int, int]], size: int) -> bytes:
    data = bytearray(packet)
    for place, value in changes:
        data[place % len(data)] = value
    return bytes(data[:size])


@given(st.lists(changed(PACKETS) | st.binary(max_size=100)), st.sampled_from([1, 101]))
@settings(max_examples=300)
def test_written_at_once_or_by_the_layers_the_json_is_the_same(
    packets: list[bytes], linktype: int
) -> None:
    data = b"".join(enhanced_packet(2**60 + n, one, n) for n, one in enumerate(packets))
    found = select(Block("a.b.20260101000000", 0, 0, len(packets), 0, 0, 0, 0, data))
    for raw in (False, True):
        expected = orjson.dumps(packet_summaries(found, linktype, raw=raw))
        assert json_packets(found, linktype, raw=raw) == expected


def test_every_ordinary_packet_cut_anywhere_is_written_the_same() -> None:
    cuts = [packet[:size] for packet in PACKETS for size in range(len(packet) + 1)]
    data = b"".join(enhanced_packet(n, one, n) for n, one in enumerate(cuts))
    found = select(Block("a.b.20260101000000", 0, 0, len(cuts), 0, 0, 0, 0, data))
    assert json_packets(found, 1) == orjson.dumps(packet_summaries(found, 1))


def test_raw_packets_carry_their_bytes() -> None:
    items = orjson.loads(json_packets(select(block()), 1, raw=True))
    assert [base64.b64decode(item["data"]) for item in items] == PACKETS


def test_a_time_has_nine_decimals() -> None:
    assert time_text(1_700_000_000_000_000_001) == "1700000000.000000001"


def test_a_filter_costs_a_small_part_of_the_summaries_that_it_saves() -> None:
    big = b"".join([block().data] * 20)
    frames = frames_of(big)
    packets = Block("a.b.20260101000000", 0, 0, len(frames), 0, 0, 0, 0, big)
    filtering = _seconds(lambda: SHORTER_THAN_60.passing(big, frames))
    assert filtering < _seconds(lambda: json_packets(select(packets), 1)) / 4


def _seconds(work: Callable[[], object]) -> float:
    """Seconds of the processor, whatever else runs on it."""
    return min(_once(work) for _ in range(5))


def _once(work: Callable[[], object]) -> float:
    start = thread_time()
    work()
    return thread_time() - start
