"""What an agent's spool holds is damaged, or its disk dies, while MongoDB is away."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from random import Random

from tests.faults.bad_disk import BadDisk
from tests.faults.field import Field
from tests.faults.judging import Hole, holes_of
from tests.faults.outcome import Outcome, Stopwatch, really
from tests.faults.verdict import Verdict
from tests.faults.watched import Watched
from tests.faults.world import metrics
from tests.support.stack import Process
from tests.support.wait import until

FAST = 6000
"""Packets a second while MongoDB is away: a file of the spool is full within a second."""
DISK_ERRORS = "capflow_agent_spool_errors_total"
DAMAGED = "capflow_agent_spool_damaged_packets_total"
_MARK = b"CFrc"
"""Stands near the beginning of each record, before its data."""
_HEADER = 200
"""Bytes after the mark in which a record's header ends."""


async def records_damaged(field: Field) -> Outcome:
    """15b: a bit of one record flips, and another record is torn."""
    async with field.watched() as capture:
        field.servers.mongo.freeze()
        try:
            capture.generator.send(FAST)
            first, second, *_ = await until(lambda: _full_files(field.folder / "data"), 30)
            _flip(first, field.random)
            _tear(second)
        finally:
            capture.generator.send()
            field.servers.mongo.thaw()
        recovered = await _flows(capture)
        await capture.finish()
        verdict = capture.judge(damaged=True)
    holes = await _judge_loss(field.agent, capture, verdict)
    verdict.must(len(holes) == 2, f"two records were damaged, and {holes} are missing")
    return Outcome(
        "MongoDB frozen, and on the agent's disk a bit of one record flipped and another cut short",
        f"both viewers read across {_told(holes)}, each told where it was; all else is stored",
        verdict,
        recovered,
    )


async def disk_dies(field: Field) -> Outcome:
    """15c: the spool's disk neither takes any more nor gives back all that it has (EIO)."""
    folder = field.folder / "bad-disk"
    with BadDisk(folder) as disk:
        async with (
            field.second_agent("host-15", CAPFLOW_DATA=str(folder)) as agent,
            field.watched(resource="host-15") as capture,
        ):
            field.servers.mongo.freeze()
            try:
                capture.generator.send(FAST)
                first, *_ = await until(lambda: _full_files(folder), 30)
                disk.die(first)
                await until(lambda: _shown(agent, DISK_ERRORS), 30, every=0.1)
            finally:
                capture.generator.send()
                field.servers.mongo.thaw()
            recovered = await _flows(capture)
            await capture.finish()
            errors = (await metrics(agent))[DISK_ERRORS]
            verdict = capture.judge(damaged=True)
            holes = await _judge_loss(agent, capture, verdict)
    return Outcome(
        "MongoDB frozen, and the disk of the agent's data dying under it: EIO for every write, and "
        "for what lies in its second half",
        f"the disk failed {errors:.0f} times; {_told(holes)} was counted and told; the agent lived "
        "and its capture went on",
        verdict,
        recovered,
    )


async def _judge_loss(agent: Process, capture: Watched, verdict: Verdict) -> list[Hole]:
    """What is missing in the store is what was damaged, and is told to viewers where it is."""
    holes = holes_of(capture.stored())
    really(holes, "everything could be read back")
    lost = sum(hole.packets for hole in holes)
    ledger: Mapping[str, int] = capture.ended["ledger"]
    damaged = await _shown(agent, DAMAGED)
    if not lost == ledger["dropped_agent"] == capture.ended["spool"]["damaged"] == damaged:
        verdict.i3.append(
            f"{lost} packets are missing in the store, the ledger has {ledger['dropped_agent']} "
            f"dropped, the task {capture.ended['spool']} and /metrics {damaged:.0f} damaged"
        )
    firsts = [hole.first for hole in holes]
    for number, viewer in enumerate(capture.viewers):
        told = [gap for gap in viewer.gaps if gap.reason != "kernel-drop"]
        places = [gap.first for gap in told]  # one notice for holes within a second
        where = places[:1] == firsts[:1] and set(places) <= set(firsts)
        if not where or {gap.reason for gap in told} != {"unknown"}:
            verdict.i3.append(f"viewer {number} was told {told}, and {holes} are missing")
        if (missed := holes_of(viewer.runs)) != holes:
            verdict.i3.append(f"viewer {number} misses {missed}, not {holes}")
    return holes


def _full_files(data: Path) -> list[Path]:
    """The files of the spool that are written no more, once there are two."""
    files = sorted((data / "agent" / "spool").glob("*/*.pcapng"))
    return files[:-1] if len(files) > 2 else []


def _flip(path: Path, random: Random) -> None:
    """Flip a bit in the packets of one record."""
    data = path.read_bytes()
    records = [found.start() for found in re.finditer(_MARK, data)]
    at = random.randrange(len(records) // 2, len(records) - 1)
    where = random.randrange(records[at] + _HEADER, records[at + 1] - 2 * len(_MARK))
    with path.open("r+b") as file:
        file.seek(where)
        file.write(bytes([data[where] ^ 1 << random.randrange(8)]))


def _tear(path: Path) -> None:
    """Cut the last record short."""
    os.truncate(path, path.read_bytes().rindex(_MARK) + _HEADER)


async def _shown(agent: Process, name: str) -> float:
    return (await metrics(agent)).get(name, 0)


async def _flows(capture: Watched) -> float:
    watch = Stopwatch()
    await capture.flows()
    return watch.seconds


def _told(holes: list[Hole]) -> str:
    return " and ".join(f"a hole of {hole.packets} packets" for hole in holes)
