"""What viewers, store and ledger must show after a fault. Pure: records in, complaints out.

I2: per viewer no repeat, no disorder, every checksum right, nothing invented.
I3: every hole is told, its count is exact, and the ledger closes.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from tests.faults.recorder import Batch, Gap, Recorder, Visit
from tests.faults.verdict import Verdict
from tests.support.numbered import Damaged, number_of
from tests.support.outside import packets_of_pcapng
from tests.support.traffic import UDP_PAYLOAD_ON_ETHERNET

_ENOUGH = 5
"""Complaints of one kind that are shown."""


class Hole(NamedTuple):
    """Packets that are missing, from number `first` on."""

    first: int
    packets: int


class Truth:
    """What each number of a capture stands for: all who were given it must have been given the
    same packet, and the packets of a run go up with their numbers."""

    def __init__(self, run: bytes, sent: int) -> None:
        self._run = run
        self._sent = sent
        self._is: dict[int, int] = {}
        self._read: dict[bytes, list[int | str]] = {}

    def check(self, first: int, frames: bytes) -> Iterator[str]:
        """What is wrong with a run of Enhanced Packet Blocks, whose first has number `first`."""
        for number, sent in enumerate(self._numbers(frames), first):
            yield from self._compare(number, sent)

    def check_one(self, number: int, frame: bytes) -> Iterator[str]:
        """What is wrong with one packet."""
        yield from self._compare(number, self._number(frame))

    def disorder(self) -> Iterator[str]:
        """Where the run goes back though the numbers go on."""
        last = -1
        for number in sorted(self._is):
            if self._is[number] <= last:
                yield f"packet {number} is the {self._is[number]}th sent, after the {last}th"
            last = self._is[number]

    def _compare(self, number: int, sent: int | str) -> Iterator[str]:
        if isinstance(sent, str):
            yield f"packet {number}: {sent}"
        elif sent >= self._sent:
            yield f"packet {number} says it is the {sent}th of {self._sent} sent"
        elif self._is.setdefault(number, sent) != sent:
            yield f"packet {number} is the {sent}th to one and the {self._is[number]}th to another"

    def _numbers(self, frames: bytes) -> list[int | str]:
        """Read once what many viewers were given alike."""
        if frames not in self._read:
            self._read[frames] = [self._number(one) for one in packets_of_pcapng(frames)]
        return self._read[frames]

    def _number(self, frame: bytes) -> int | str:
        try:
            return number_of(frame[UDP_PAYLOAD_ON_ETHERNET:], self._run)
        except Damaged as error:
            return str(error)


def judge_viewer(viewer: Recorder, truth: Truth, name: str = "a viewer") -> Verdict:
    """I2 and I3 of one viewer, over all its connections."""
    verdict = Verdict()
    at: int | None = None
    for number, visit in enumerate(viewer.visits):
        if visit.first is None:
            continue
        label = f"{name}, connection {number}"
        if at is not None and visit.first != at:
            verdict.i2.append(f"{label} begins at {visit.first}, and {at} was next")
        at = _judge_visit(visit, truth, verdict, label)
    if viewer.end is None:
        verdict.i3.append(f"{name} was never told the end")
    return verdict


def _judge_visit(visit: Visit, truth: Truth, verdict: Verdict, label: str) -> int:
    """Judge one connection; the number that must come next."""
    assert visit.first is not None
    at, holes = visit.first, 0
    for batch in (one for one in visit.told if isinstance(one, Batch)):
        if batch.first < at:
            verdict.i2.append(f"{label}: a batch from {batch.first} on, after those below {at}")
        holes += max(0, batch.first - at)
        verdict.i2 += _some(_judge_batch(batch, truth), label)
        at = batch.next
    if visit.status is not None and visit.status["next"] > at:
        holes += visit.status["next"] - at
        at = visit.status["next"]
    verdict.i3 += _some(_judge_holes(visit, holes), label)
    verdict.i3 += _some(_judge_counts(visit), label)
    return at


def _judge_batch(batch: Batch, truth: Truth) -> Iterator[str]:
    if isinstance(batch.data, bytes):
        count = len(packets_of_pcapng(batch.data))
        if count != batch.next - batch.first:
            yield f"{count} packets from {batch.first} up to {batch.next}"
        yield from truth.check(batch.first, batch.data)
        return
    for number, frame in batch.data:
        if not batch.first <= number < batch.next:
            yield f"packet {number} in a batch from {batch.first} up to {batch.next}"
        yield from truth.check_one(number, frame)


def _judge_holes(visit: Visit, holes: int) -> Iterator[str]:
    told = sum(gap.count for gap in visit.told if isinstance(gap, Gap) and gap.first is not None)
    over = visit.end is not None
    if told > holes or (over and told != holes):  # a notice may wait a second, and be cut off
        yield f"{holes} packets did not come, and notices tell of {told}"


def _judge_counts(visit: Visit) -> Iterator[str]:
    status = visit.status
    if status is None or status["next"] < (visit.first or 0):
        return  # it was told before the flow began
    counted = sum(status[name] for name in ("sent", "filtered", "skipped", "missing"))
    if counted != status["next"] - (visit.first or 0):
        yield f"its counts make {counted}, from {visit.first} to {status['next']}"


def judge_ledger(ledger: Mapping[str, int], *, sent: int | None, stored: int) -> Verdict:
    """I3 of a capture that has ended: the sums, the generator's count where it may be compared,
    and the packets that are in the store."""
    verdict = Verdict()
    taken = ledger["captured"] + ledger["dropped_kernel"] + ledger["beyond_limit"]
    if ledger["seen"] != taken:
        verdict.i3.append(f"seen does not close: {dict(ledger)}")
    if ledger["captured"] != ledger["stored"] + ledger["dropped_agent"]:
        verdict.i3.append(f"captured does not close: {dict(ledger)}")
    if ledger["stored"] != stored:
        verdict.i3.append(f"the ledger has {ledger['stored']} stored, the store {stored}")
    if sent is not None and ledger["seen"] != sent:
        verdict.i3.append(f"{sent} were sent, and {ledger['seen']} seen")
    return verdict


def holes_of(runs: Iterable[tuple[int, int]]) -> list[Hole]:
    """What runs of packets, each from a number up to another, leave out."""
    return [Hole(before[1], after[0] - before[1]) for before, after in pairwise(runs)
            if after[0] > before[1]]  # fmt: skip


def judge_blocks(
    blocks: Iterable[Mapping[str, Any]], truth: Truth, *, damaged: bool = False
) -> tuple[Verdict, int]:
    """I1 and I2 of what is stored: blocks without a hole among them, but for what was `damaged`;
    and how many packets."""
    verdict, at, packets, number = Verdict(), 0, 0, -1
    for block in blocks:
        number = max(number + 1, block["block"] if damaged else 0)
        if block["block"] != number:
            verdict.i1.append(f"block {block['block']} is where {number} belongs")
        if block["first"] < at:
            verdict.i2.append(f"block {number} begins at {block['first']}, after {at}")
        data = bytes(block["data"])
        if len(packets_of_pcapng(data)) != block["count"]:
            verdict.i2.append(f"block {number} holds not {block['count']} packets")
        verdict.i2 += _some(truth.check(block["first"], data), f"block {number}")
        at = block["first"] + block["count"]
        packets += block["count"]
    return verdict, packets


def _some(complaints: Iterable[str], label: str) -> list[str]:
    """The first complaints, and how many more there are."""
    told = [f"{label}: {complaint}" for complaint in complaints]
    more = len(told) - _ENOUGH
    return told[:_ENOUGH] + ([f"{label}: and {more} more"] if more > 0 else [])
