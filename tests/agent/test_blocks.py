from hypothesis import given
from hypothesis import strategies as st

from contracts.block import MAX_BLOCK_BYTES
from services.agent.age import LEAST, BlockAge
from services.agent.blocks import FULL_BYTES, FULL_PACKETS, BlockBuilder, Draft
from services.agent.framing import Framer
from services.agent.source import Frame
from services.packets.pcapng import enhanced_packet, packets_of

FRAMER = Framer()

lengths = st.one_of(
    st.integers(0, 200), st.integers(2040, 2060), st.sampled_from([1500, 65_535, 262_144])
)
frames = st.builds(
    lambda at, captured, cut: (at, captured + cut, bytes(captured)),
    st.integers(0, 2**63 - 1),
    lengths,
    st.integers(0, 100),
)
batches = st.lists(st.lists(frames, max_size=20), max_size=10)


def _all(builder: BlockBuilder, given_batches: list[list[Frame]]) -> list[Draft]:
    full = [draft for batch in given_batches for draft in builder.add(batch, 0.0, 0)]
    return full + builder.flush(0)


@given(batches)
def test_what_goes_in_comes_out_in_order_and_numbered(given_batches: list[list[Frame]]) -> None:
    drafts = _all(BlockBuilder(FRAMER, BlockAge()), given_batches)
    taken = [frame for batch in given_batches for frame in batch]
    number = 0
    for draft in drafts:
        inside = taken[number : number + draft.count]
        assert draft.first == number
        assert [tuple(packet) for packet in packets_of(draft.data)] == inside
        assert (draft.first_ts, draft.last_ts) == (inside[0][0], inside[-1][0])
        assert draft.size == sum(len(frame[2]) for frame in inside)
        number += draft.count
    assert number == len(taken)


@given(batches)
def test_no_block_is_too_large_and_none_but_the_last_is_closed_early(
    given_batches: list[list[Frame]],
) -> None:
    drafts = _all(BlockBuilder(FRAMER, BlockAge()), given_batches)
    for draft in drafts:
        assert 0 < draft.count <= FULL_PACKETS
        assert len(draft.data) <= MAX_BLOCK_BYTES
    for draft in drafts[:-1]:
        assert draft.count == FULL_PACKETS or len(draft.data) >= FULL_BYTES


@given(frames)
def test_a_frame_is_written_as_the_codec_writes_it(frame: Frame) -> None:
    at, length, data = frame
    (draft,) = _all(BlockBuilder(FRAMER, BlockAge()), [[frame]])
    assert draft.data == enhanced_packet(at, data, length)


def test_two_thousand_packets_are_a_block() -> None:
    builder = BlockBuilder(FRAMER, BlockAge())
    full = builder.add([(0, 60, bytes(60))] * 4100, 0.0, 7)
    assert [(draft.first, draft.count, draft.dropped) for draft in full] == [
        (0, 2000, 7),
        (2000, 2000, 7),
    ]
    assert [(draft.first, draft.count) for draft in builder.flush(9)] == [(4000, 100)]


def test_a_block_is_due_twenty_milliseconds_after_its_first_packet() -> None:
    builder = BlockBuilder(FRAMER, BlockAge())
    assert builder.due is None
    builder.add([(0, 60, bytes(60))], 100.0, 0)
    builder.add([(0, 60, bytes(60))], 100.01, 0)
    assert builder.due == 100.0 + LEAST
    builder.flush(0)
    assert builder.due is None
