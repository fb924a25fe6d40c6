"""The rules of the spool: records, and the queue that is part disk and part memory."""

import struct
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from contracts.block import MAX_BLOCK_BYTES, Block
from services.agent.backlog import OVERHEAD, Backlog
from services.agent.blocks import Draft
from services.agent.spool.folder import SpoolFolder
from services.agent.spool.reader import Reader, Reading
from services.agent.spool.record import Codec, file_head, order_in
from services.agent.spool.room import Room
from services.agent.spool.shelf import Shelf
from services.packets.pcapng import enhanced_packet
from tests.agent.bad_sector import bad_page
from tests.agent.rig import order

ORDER = order("lo")
HEAD = file_head(ORDER, 1, "lo")
CODEC = Codec(ORDER.task_id, ORDER.session)
NUMBERS = st.integers(min_value=0, max_value=2**63 - 1)

blocks = st.builds(
    Block,
    session=st.just(ORDER.session),
    block=NUMBERS,
    first=NUMBERS,
    count=st.integers(min_value=1, max_value=2**31),
    first_ts=NUMBERS,
    last_ts=NUMBERS,
    size=NUMBERS,
    dropped=NUMBERS,
    data=st.binary(max_size=500),
)


@given(blocks)
def test_a_record_is_read_as_it_was_written(block: Block) -> None:
    raw = CODEC.header(block)
    assert len(raw) == CODEC.header_size
    header = CODEC.read_header(raw)
    assert header is not None
    assert CODEC.block(header, block.data) == block


@given(blocks, st.integers(min_value=0), st.integers(min_value=0, max_value=7))
def test_a_flipped_bit_is_found(block: Block, at: int, bit: int) -> None:
    raw = bytearray(CODEC.header(block) + block.data)
    # The lengths around a record are for other programs; the reader does without them.
    at = 8 + at % (len(raw) - 8)
    raw[at] ^= 1 << bit
    header = CODEC.read_header(bytes(raw[: CODEC.header_size]))
    trailer = CODEC.header_size - 4 <= at < CODEC.header_size
    if trailer:
        assert header is not None
    else:
        assert header is None or CODEC.block(header, bytes(raw[CODEC.header_size :])) is None


def test_the_order_is_in_the_head_of_each_file() -> None:
    assert order_in(HEAD) == ORDER
    assert order_in(HEAD[:-9]) is None
    assert order_in(b"") is None
    torn = bytearray(HEAD)
    torn[-20] ^= 1
    assert order_in(bytes(torn)) is None


@pytest.mark.parametrize("text", [b"[" * 10_000, b"9" * 10_000, b'"\\ud800"', b"\xff", b"{}"])
def test_an_order_that_is_none_is_none_though_its_checksum_is_right(text: bytes) -> None:
    assert order_in(b"CFor" + struct.pack("<II", len(text), crc32(text)) + text) is None


@settings(max_examples=60)
@given(st.lists(st.binary(max_size=3000), min_size=1, max_size=12), st.data())
def test_damage_costs_the_records_it_hits_and_no_other(
    datas: list[bytes], data: st.DataObject
) -> None:
    written = [_block(n, payload) for n, payload in enumerate(datas)]
    records = [CODEC.header(block) + block.data for block in written]
    whole = bytearray(HEAD + b"".join(records))
    starts = [len(HEAD) + sum(map(len, records[:n])) for n in range(len(records) + 1)]
    cut = data.draw(st.integers(min_value=starts[0], max_value=len(whole)))
    begin = data.draw(st.integers(min_value=0, max_value=len(whole) - 1))
    end = min(len(whole), begin + data.draw(st.integers(min_value=0, max_value=400)))
    whole[begin:end] = bytes(end - begin)
    expected = [
        block
        for block, start, stop in zip(written, starts, starts[1:], strict=False)
        if stop <= cut and (end <= start or begin >= stop or begin == end)
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "0000.pcapng"
        path.write_bytes(whole[:cut])
        reader = Reader(path, CODEC)
        found = reader.read(0, len(datas), cut, len(datas), 100)
        reader.close()
    assert found.upto == len(datas)
    assert [block for block in found.blocks if block in expected] == expected
    assert all(block in written for block in found.blocks), "nothing is invented"


def test_a_packet_that_holds_a_record_is_no_record(tmp_path: Path) -> None:
    other = Codec(order("lo").task_id, ORDER.session)
    forged = other.header(_block(7, b"")) * 3
    shelf = Shelf(ORDER, tmp_path / ORDER.session, Room(1 << 20), HEAD)
    blocks = [_block(n, enhanced_packet(n, forged, len(forged))) for n in range(3)]
    assert shelf.append(blocks, 0.0) == 3
    (path,) = (tmp_path / ORDER.session).iterdir()
    raw = bytearray(path.read_bytes())
    raw[len(HEAD) + 20] ^= 1  # the first record's header: the next is looked for
    path.write_bytes(raw)
    found = shelf.read(0, 3, 8)
    assert found.blocks == blocks[1:]


def test_a_block_of_the_greatest_size_goes_through(tmp_path: Path) -> None:
    shelf = Shelf(ORDER, tmp_path / ORDER.session, Room(8 << 20), HEAD)
    block = _block(0, bytes(MAX_BLOCK_BYTES))
    assert shelf.append([block], 0.0) == 1
    assert shelf.read(0, 1, 8).blocks == [block]


class Queue(RuleBasedStateMachine):
    """Blocks come, are spilled, are stored, while the agent crashes and starts again: each that
    was let in is stored once and in order, or was lost in memory by a crash."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.spool = SpoolFolder(Path(self.folder.name) / "spool", 40_000)
        self.spool.prepare()
        self.stored: list[int] = []
        self.admitted = 0
        self.hand: list[Block] = []
        self.clock = 0.0
        self.recovered = False
        self.backlog = self._new()
        self.safe = 0

    def teardown(self) -> None:
        self.spool.close()
        self.folder.cleanup()

    @precondition(lambda self: not self.recovered)
    @rule(size=st.integers(min_value=0, max_value=4000), count=st.integers(1, 9))
    def offer(self, size: int, count: int) -> None:
        draft = Draft(self.admitted * 10, count, 0, 0, size, 0, bytes(size))
        waits = self.backlog.bytes
        if self.backlog.offer(draft):
            self.admitted += 1
        else:
            assert waits + size + OVERHEAD > 20_000, "refused though there was room"

    @precondition(lambda self: not self.recovered)
    @rule()
    def spill(self) -> None:
        self.backlog.spill()
        self.safe = self.admitted - self._in_memory()

    @rule(most=st.integers(1, 8))
    def take(self, most: int) -> None:
        if not self.hand:
            self.hand = self._next(most)

    @rule()
    def store(self) -> None:
        """What was taken is stored, even if it has gone to disk meanwhile."""
        if self.hand:
            self.stored += [block.block for block in self.hand]
            self.backlog.done(self.hand, self.hand[-1].block + 1)
            self.hand = []

    @rule()
    def tidy(self) -> None:
        assert self.backlog.tidy() == 0, "nothing is damaged"

    @rule(now=st.integers(0, 9))
    def crash(self, now: int) -> None:
        """Memory is lost, and what was taken may have been stored without anybody noting it."""
        if now:
            return  # seldom, or there is little to lose
        shelf = next(iter(self.spool.left({})), None)
        self.spool.room.give(self.spool.room.limit - self.spool.room.left)
        self.hand = []
        self.recovered = True
        self.backlog = Backlog(ORDER.session, 20_000, lambda: None)
        if shelf is not None:
            self.spool.room.found(shelf.bytes)
            self.backlog.take_up(shelf, 0)
        else:
            self.backlog.close()

    @invariant()
    def in_order(self) -> None:
        again = [n for at, n in enumerate(self.stored) if n not in self.stored[:at]]
        assert again == list(range(len(again))), "each once but for repeats, and in order"

    @invariant()
    def bounded(self) -> None:
        assert self.backlog.bytes <= 20_000
        assert self.spool.room.left >= 0

    @precondition(lambda self: self.recovered)
    @rule()
    def drain(self) -> None:
        """Everything that was on disk comes back."""
        while not self.backlog.drained:
            self.take(8)
            self.store()
        assert self.backlog.tidy() == 0
        assert max(self.stored, default=-1) + 1 >= self.safe
        assert self.backlog.figures(0, 0).packets == 0

    def _in_memory(self) -> int:
        return len(self.backlog._blocks)

    def _new(self) -> Backlog:
        backlog = Backlog(ORDER.session, 20_000, lambda: None, clock=lambda: self.clock)
        shelf = self.spool.shelf(ORDER, 1, "lo")
        assert shelf is not None
        backlog.rest_on(shelf, lambda: None)
        return backlog

    def _next(self, most: int) -> list[Block]:
        if not self.backlog.on_disk:
            return self.backlog.oldest(most)
        found = self.backlog.read(most)
        if not found.blocks:
            self.backlog.done([], found.upto)
        return found.blocks


TestQueue = Queue.TestCase
Queue.TestCase.settings = settings(max_examples=60, stateful_step_count=40)


def _block(number: int, data: bytes) -> Block:
    return Block(ORDER.session, number, number * 10, 3, 1, 2, len(data), 0, data)


@pytest.mark.parametrize("page", range(1, 7))
def test_of_a_page_that_cannot_be_read_only_its_records_are_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    shelf = Shelf(ORDER, tmp_path / ORDER.session, Room(1 << 20), HEAD)
    written = [_block(number, bytes([number]) * 1500) for number in range(20)]
    shelf.append(written, 0)
    (path,) = (tmp_path / ORDER.session).iterdir()
    ends = [len(HEAD) + (CODEC.header_size + 1500) * (number + 1) for number in range(20)]
    assert ends[-1] == path.stat().st_size > 7 * 4096
    bad = [n for n, end in enumerate(ends) if page * 4096 < end and
           end - CODEC.header_size - 1500 < (page + 1) * 4096]  # fmt: skip
    monkeypatch.setattr("os.pread", bad_page(page))
    read: list[Block] = []
    while (reading := shelf.read(read[-1].block + 1 if read else 0, 20, 4)).blocks:
        read += reading.blocks
    assert read == [block for block in written if block.block not in bad]


class Interrupted(Shelf):
    """A shelf that lets others have their turn right after it has written."""

    def between(self) -> None:
        """What happens then."""

    def append(self, blocks: Sequence[Block], since: float) -> int:
        written = super().append(blocks, since)
        self.between()
        return written


def test_a_file_stays_until_what_was_stored_while_it_was_written_is_counted(
    tmp_path: Path,
) -> None:
    """Or else packets that are in the store would be told as damaged."""
    shelf = Interrupted(ORDER, tmp_path / ORDER.session, Room(1 << 20), HEAD)
    backlog = Backlog(ORDER.session, 64 << 10, lambda: None)
    backlog.rest_on(shelf, lambda: None)
    for number in range(3):
        assert backlog.offer(Draft(number * 10, 7, 0, 0, 700, 0, bytes(700)))
    hand = backlog.oldest(8)
    lost: list[int] = []

    def store_and_tidy() -> None:
        backlog.done(hand, 3)
        lost.append(backlog.tidy())

    shelf.between = store_and_tidy  # type: ignore[method-assign]
    assert backlog.spill()
    lost.append(backlog.tidy())
    assert lost == [0, 0]
    assert (backlog.bytes, shelf.bytes, shelf.damaged) == (0, 0, 0)


def test_blocks_that_go_to_disk_while_they_are_stored_are_counted_once(tmp_path: Path) -> None:
    """Capture thread, spiller and writer at once, as fast as they can."""
    shelf = Shelf(ORDER, tmp_path / ORDER.session, Room(1 << 20), HEAD)
    backlog = Backlog(ORDER.session, 64 << 10, lambda: None)
    backlog.rest_on(shelf, lambda: None)
    over = threading.Event()

    def spill() -> None:
        while not over.is_set():
            backlog.spill()

    def capture() -> None:
        number = 0
        while number < 3000:
            number += backlog.offer(Draft(number * 10, 7, 0, 0, 700, 0, bytes(700)))
        backlog.close()

    threads = [threading.Thread(target=work) for work in (spill, capture)]
    for thread in threads:
        thread.start()
    stored: list[int] = []
    while not backlog.drained:
        found = backlog.read(8) if backlog.on_disk else Reading(backlog.oldest(8), -1)
        blocks = found.blocks
        stored += [block.block for block in blocks]
        upto = found.upto if found.upto >= 0 or not blocks else blocks[-1].block + 1
        if upto > backlog.head:
            backlog.done(blocks, upto)
        if backlog.untidy:
            assert backlog.tidy() == 0
    over.set()
    for thread in threads:
        thread.join()
    assert backlog.tidy() == 0
    assert stored == list(range(3000))
    assert (backlog.bytes, shelf.bytes, shelf.packets) == (0, 0, 0)
