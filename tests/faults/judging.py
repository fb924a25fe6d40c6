"""What viewers, store and ledger must show after a fault. Pure: records in, complaints out.

I2: per viewer no repeat, no disorder, every checksum right, nothing invented.
I3: every hole is told, its count is exact, and the ledger closes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from tests.faults.recorder import Batch, Gap, Recorder, Visit
from tests.faults.verdict import Verdict
from tests.support.numbered import Damaged, number_of
from tests.support.outside import packets_of_pcapng
from tests.support.traffic import UDP_PAYLOAD_ON_ETHERNET

_ENOUGH = 5
"""Complaints of one kind that are shown."""
_PASSING = ("unavailable",)
"""Errors that a viewer may be told while something is away; it comes again."""


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


def judge_viewer(
    viewer: Recorder, truth: Truth, ledger: Mapping[str, int] | None, name: str = "a viewer"
) -> Verdict:
    """I2 and I3 of one viewer, over all its connections, from the first packet of a capture to the
    last one that its `ledger` counts; None: it was not there at the end."""
    verdict, at = Verdict(), 0
    for number, visit in enumerate(viewer.visits):
        label = f"{name}, connection {number}"
        verdict.own += [f"{label}: {error}" for error in visit.errors
                        if error["code"] not in _PASSING]  # fmt: skip
        if visit.first is None:
            continue
        if visit.first != at:
            verdict.i2.append(f"{label} begins at {visit.first}, and {at} was next")
        at = _judge_visit(visit, truth, verdict, label)
    if ledger is not None:
        verdict.i3 += [f"{name} {complaint}" for complaint in _judge_end(viewer, ledger)]
    return verdict


def _judge_visit(visit: Visit, truth: Truth, verdict: Verdict, label: str) -> int:
    """Judge one connection; the number that must come next."""
    assert visit.first is not None
    at = visit.first
    holes: list[Hole] = []
    for batch in (one for one in visit.told if isinstance(one, Batch)):
        if batch.first < at:
            verdict.i2.append(f"{label}: a batch from {batch.first} on, after those below {at}")
        elif batch.first > at:
            holes.append(Hole(at, batch.first - at))
        verdict.i2 += _some(_judge_batch(batch, truth), label)
        at = batch.next
    if visit.status is not None and visit.status["next"] > at:
        holes.append(Hole(at, visit.status["next"] - at))
        at = visit.status["next"]
    verdict.i3 += _some(_judge_holes(visit, holes, at), label)
    verdict.i3 += _some(_judge_counts(visit), label)
    return at


def _judge_batch(batch: Batch, truth: Truth) -> Iterator[str]:
    if isinstance(batch.data, bytes):
        count = len(packets_of_pcapng(batch.data))
        if count != batch.next - batch.first:
            yield f"{count} packets from {batch.first} up to {batch.next}"
        yield from truth.check(batch.first, batch.data)
        return
    numbers = [number for number, _ in batch.data]
    if numbers != list(range(batch.first, batch.next)):
        yield f"packets {numbers} in a batch from {batch.first} up to {batch.next}"
    for number, frame in batch.data:
        yield from truth.check_one(number, frame)


def _judge_holes(visit: Visit, holes: Sequence[Hole], at: int) -> Iterator[str]:
    """Every hole of a connection is told, and nothing else is; `at` would have come next."""
    told = [Hole(gap.first, gap.count) for gap in visit.told
            if isinstance(gap, Gap) and gap.first is not None]  # fmt: skip
    over = visit.end is not None
    if not over:  # what a notice tells of may have been cut off with it: it is told again
        told = [notice for notice in told if notice.first < at]
    counted, missing = (sum(one.packets for one in some) for some in (told, holes))
    if counted > missing or (over and counted != missing):  # it may wait a second, and be cut off
        yield f"{missing} packets did not come, and notices tell of {counted}"
    for notice in told:  # one may stand for several holes: then its number is that of the first
        within = any(0 <= notice.first - hole.first < hole.packets for hole in holes)
        if not within and notice != Hole(at, 0):  # nobody knows whether more came
            yield f"a notice of {notice.packets} from {notice.first} on, and none is missing there"


def _judge_end(viewer: Recorder, ledger: Mapping[str, int]) -> Iterator[str]:
    """The end comes after the last packet, and after every drop of the kernel's has been told."""
    if viewer.end is None:
        yield "was never told the end"
        return
    if viewer.end["next"] != ledger["captured"]:
        yield f"came to {viewer.end['next']}, and {ledger['captured']} were captured"
    told = sum(gap.count for gap in viewer.gaps if gap.reason == "kernel-drop")
    if len(viewer.visits) == 1 and told != ledger["dropped_kernel"]:
        yield f"was told of {told} packets of {ledger['dropped_kernel']} that the kernel dropped"


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
