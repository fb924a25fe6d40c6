"""The pure rules: the account, the notices, the client's messages, liveness, the ring."""

import json
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contracts.block import Block
from contracts.stream import ClientSession, ClientStart, ClientStop, Gap
from services.packets.endpoints.plausible import MAX_JUMP
from services.runtime.errors import BadSetting
from services.runtime.settings import load
from services.streamer.accounting import Account, Hole
from services.streamer.doorstep import Doorstep
from services.streamer.doubt import Doubt
from services.streamer.frames import binary_frame, text_frame
from services.streamer.gaps import INTERVAL, Gaps
from services.streamer.liveness import Liveness, Patience, Verdict
from services.streamer.protocol import BadMessage, Begin, Cease, Enter, Protocol, Refuse, decode
from services.streamer.ring import Ring
from services.streamer.settings import StreamerSettings


def block(number: int, first: int, count: int = 10, dropped: int = 0, size: int = 40) -> Block:
    return Block(
        "a.b.20261123120000", number, first, count, 0, 0, 0, dropped, bytes(max(0, count) * size)
    )


def tell(told: Counter[str], holes: Iterable[Hole]) -> None:
    for hole in holes:
        told[hole.reason] += hole.packets


def in_sum(account: Account) -> bool:
    counted = account.sent + account.filtered + account.skipped + account.missing
    return account.next - account.first == counted


# --- the account ---


class Step:
    """One thing that may happen to an account."""

    def __init__(self, lost: int, count: int, dropped: int, kept: int, skip: bool) -> None:
        self.lost, self.count, self.dropped, self.kept, self.skip = lost, count, dropped, kept, skip


steps = st.lists(
    st.builds(
        Step,
        lost=st.integers(0, 1000),
        count=st.integers(1, 50),
        dropped=st.integers(0, 100),
        kept=st.integers(0, 50),
        skip=st.booleans(),
    ),
    max_size=50,
)


@given(start=st.integers(0, 30), steps=steps)
def test_the_sum_holds_after_every_step_and_every_hole_is_told(
    start: int, steps: list[Step]
) -> None:
    account = Account(start)
    told: Counter[str] = Counter()
    first, dropped = 0, 0
    for number, step in enumerate(steps):
        first, dropped = first + step.lost, dropped + step.dropped
        made = block(number, first, step.count, dropped)
        first = made.next
        if step.skip:
            tell(told, account.skip(made))
        meeting = account.meet(made)
        assert meeting is not None
        tell(told, meeting.holes)
        passing = max(0, step.count - meeting.cut)
        account.deliver(passing - min(step.kept, passing), min(step.kept, passing))
        assert in_sum(account)
    tell(told, account.miss(first + 3, "agent-drop"))
    assert in_sum(account)
    assert account.skipped == told["slow-viewer"]
    assert account.missing == told["agent-drop"] + told["unknown"]
    assert told["kernel-drop"] == dropped


@given(st.lists(st.builds(block, st.integers(-5, 50), st.integers(-50, 10**10), st.integers(-5, 9)),
                max_size=40))  # fmt: skip
def test_whatever_blocks_say_the_numbers_only_grow_and_the_sum_holds(blocks: list[Block]) -> None:
    account = Account()
    for made in blocks:
        before = account.next, account.block
        meeting = account.meet(made)
        if meeting is not None and meeting.cut < made.count:
            account.deliver(made.count - meeting.cut, 0)
        assert (account.next, account.block) >= before
        assert in_sum(account)


def test_a_jump_of_the_block_number_is_of_unknown_reason() -> None:
    account = Account(10, block=1)
    meeting = account.meet(block(3, 30))
    assert meeting is not None
    assert meeting.holes == (Hole("unknown", 10, 20),)


def test_an_enormous_jump_is_believed_when_a_second_block_says_the_same() -> None:
    account = Account()
    assert account.meet(block(0, MAX_JUMP)) is None
    meeting = account.meet(block(1, MAX_JUMP + 10))
    assert meeting is not None
    assert meeting.holes == (Hole("unknown", 0, MAX_JUMP + 10),)


def test_an_enormous_jump_of_one_block_only_is_set_aside() -> None:
    account = Account()
    assert account.meet(block(0, MAX_JUMP)) is None
    meeting = account.meet(block(1, 10))
    assert meeting is not None
    assert meeting.holes == (Hole("unknown", 0, 10),)


def test_a_block_that_is_read_again_does_not_say_the_same_as_itself() -> None:
    doubt = Doubt()
    assert not doubt.believes(block(3, MAX_JUMP), 0)
    assert not doubt.believes(block(3, MAX_JUMP), 0)
    assert doubt.believes(block(4, MAX_JUMP + 10), 0)
    assert not doubt.believes(block(5, 3 * MAX_JUMP), MAX_JUMP + 20)


def test_a_block_that_goes_back_is_set_aside() -> None:
    account = Account()
    account.meet(block(0, 0))
    account.deliver(10, 0)
    assert account.meet(block(1, 5)) is None


# --- the notices ---


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["agent-drop", "slow-viewer", "unknown", "kernel-drop"]),
            st.integers(1, 1000),
            st.floats(0, 3),
        ),
        max_size=60,
    )
)
def test_notices_are_exact_and_at_most_one_a_second_and_reason(
    holes: list[tuple[str, int, float]],
) -> None:
    gaps, now, first = Gaps(), 0.0, 0
    noted: Counter[str] = Counter()
    given: list[tuple[float, Gap]] = []
    for reason, packets, pause in holes:
        now += pause
        number = None if reason == "kernel-drop" else first
        gaps.note([Hole(reason, number, packets)])  # type: ignore[arg-type]
        noted[reason] += packets
        first += packets + 1
        given += [(now, gap) for gap in gaps.due(now)]
    for reason in noted:
        times = [at for at, gap in given if gap.reason == reason]
        assert all(b - a >= INTERVAL for a, b in pairwise(times))
    given += [(now, gap) for gap in gaps.all(now)]
    told: Counter[str] = Counter()
    for _, gap in given:
        told[gap.reason] += gap.count
    assert told == noted
    assert gaps.all(now) == []


def test_the_first_hole_is_told_at_once() -> None:
    gaps = Gaps()
    gaps.note([Hole("agent-drop", 5, 2)])
    assert gaps.due(100.0) == [Gap(first=5, count=2, reason="agent-drop")]
    gaps.note([Hole("agent-drop", 9, 1), Hole("agent-drop", 20, 4)])
    assert gaps.due(100.5) == []
    assert gaps.due(101.0) == [Gap(first=9, count=5, reason="agent-drop")]


# --- the client's messages ---


@given(st.text())
@example('{"type":"session","session":"a.b.20261123120000","ticket":"\\ud800"}')
@example('{"type":"start","from":1e999}')
@example('{"type":"start","from":' + "9" * 10_000 + "}")
@example("[" * 100_000)
def test_any_text_is_a_message_or_refused(text: str) -> None:
    try:
        message = decode(text)
    except BadMessage:
        return
    assert isinstance(message, ClientSession | ClientStart | ClientStop)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(["type", "session", "ticket", "from", "format", "filter", "raw", "x"]),
        json_values | st.sampled_from(["session", "start", "stop", "live", "json"]),
    )
)
def test_any_json_is_a_message_or_refused(fields: dict[str, object]) -> None:
    try:
        message = decode(json.dumps(fields))
    except BadMessage:
        return
    assert isinstance(message, ClientSession | ClientStart | ClientStop)


@given(st.lists(st.binary() | st.sampled_from([
    '{"type":"session","session":"a.b.20261123120000","ticket":"t"}',
    '{"type":"start"}', '{"type":"stop"}', '{"type":"start","from":-1}', "nonsense",
])))  # fmt: skip
def test_whatever_the_order_something_follows_and_nothing_flows_before_the_session(
    frames: list[str | bytes],
) -> None:
    protocol, entered = Protocol(), False
    for frame in frames:
        action = protocol.receive(frame)
        assert isinstance(action, Enter | Begin | Cease | Refuse)
        assert entered or not isinstance(action, Begin | Cease)
        if isinstance(action, Refuse) and action.close is not None:
            return
        entered = entered or isinstance(action, Enter)


def test_start_has_defaults() -> None:
    start = decode('{"type": "start"}')
    assert isinstance(start, ClientStart)
    assert (start.from_, start.format, start.filter, start.raw) == ("live", "json", "", False)


# --- connections ---


def test_who_takes_something_now_and_then_is_not_stalled() -> None:
    life, patience = Liveness(0.0), Patience(stall=10)
    assert life.judge(1000, 0, patience) is Verdict.FINE
    assert life.judge(1000, 9, patience) is Verdict.FINE
    assert life.judge(999, 9.5, patience) is Verdict.FINE
    assert life.judge(1500, 19, patience) is Verdict.FINE
    assert life.judge(1500, 19.5, patience) is Verdict.STALLED


def test_who_is_silent_is_asked_once_and_then_given_up() -> None:
    life, patience = Liveness(0.0), Patience(ping=15)
    verdicts = [life.judge(0, now, patience) for now in (14.0, 15.0, 16.0, 29.0)]
    assert verdicts == [Verdict.FINE, Verdict.PING, Verdict.FINE, Verdict.FINE]
    assert life.judge(0, 30.0, patience) is Verdict.DEAD
    life.heard = 30.5
    assert life.judge(0, 31.0, patience) is Verdict.FINE
    assert life.judge(0, 46.0, patience) is Verdict.PING


def test_who_answers_in_the_same_tick_of_the_clock_is_alive() -> None:
    life, patience = Liveness(0.0), Patience(ping=15)
    assert life.judge(0, 15.0, patience) is Verdict.PING
    life.heard = 15.0
    assert life.judge(0, 30.0, patience) is Verdict.PING


@given(st.lists(st.floats(0, 5), max_size=50), st.integers(1, 10))
def test_the_doorstep_is_bounded_in_number_and_time(pauses: list[float], most: int) -> None:
    doorstep: Doorstep[int] = Doorstep(most, patience=10)
    now = 0.0
    gone: set[int] = set()
    for guest, pause in enumerate(pauses):
        now += pause
        gone.update(doorstep.late(now), doorstep.enter(guest, now))
        assert len(doorstep) <= most
    gone.update(doorstep.late(now + 10.1))
    assert gone == set(range(len(pauses)))


# --- the ring ---


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 20)), max_size=60),
    st.integers(1000, 20_000),
)
def test_the_ring_is_bounded_and_finds_what_it_holds(
    made: list[tuple[int, int]], limit: int
) -> None:
    ring, number, first, held = Ring(limit), 0, 0, {}
    for hole, count in made:
        number += hole
        ring.append(block(number, first, count))
        held[number] = first
        number, first = number + 1, first + count
        newest = ring.newest
        assert newest is not None
        assert ring.size <= max(limit, len(newest.block.data))
        assert ring.head == number
    for asked in range(ring.start, number):
        entry = ring.get(asked)
        assert entry is not None
        assert entry.block.block == min(n for n in held if n >= asked)
        packet = entry.block.first
        assert ring.with_packet(packet) is entry
    assert ring.get(number) is None


@given(st.integers(0, 100_000))
def test_frames_say_their_size(size: int) -> None:
    payload = bytes(size)
    for frame in (text_frame(payload), binary_frame(payload)):
        assert frame.endswith(payload)
        assert len(frame) - size in (2, 4, 10)


# --- settings ---


@pytest.mark.parametrize("origins", ["capflow.example", "https://a.example/path", "*"])
def test_an_origin_that_is_none_is_named(origins: str) -> None:
    with pytest.raises(BadSetting, match="CAPFLOW_ORIGINS"):
        load(StreamerSettings, origins=origins)


def test_the_gateways_page_may_open_connections() -> None:
    settings = load(
        StreamerSettings, host="10.0.0.5", gateway_port=9000, origins="https://a.example"
    )
    assert settings.allowed_origins() == [
        "http://10.0.0.5:9000",
        "http://127.0.0.1:9000",
        "http://localhost:9000",
        "http://[::1]:9000",
        "https://a.example",
    ]
