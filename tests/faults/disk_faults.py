"""Disks that are full: MongoDB's, and the agent's."""

import asyncio
import os
import subprocess
from pathlib import Path
from typing import Self

from tests.faults.field import Field
from tests.faults.outcome import Outcome, Stopwatch, really
from tests.faults.store_faults import dropped, waiting
from tests.faults.watched import Watched
from tests.faults.world import metrics
from tests.servers.mongo import MongoServer
from tests.support.wait import until

MONGO_DISK = 700
"""MiB: three journal files of 100, and room."""
AGENT_DISK = 16
"""MiB, fewer than the spool may take."""
SPOOL_ERRORS = "capflow_agent_spool_errors_total"


class SmallDisks(Field):
    """A mongod of its own, and the agent's data, each on a small disk in memory."""

    async def __aenter__(self) -> Self:
        try:
            await self._on_small_disks()
        except BaseException:
            await self._held.aclose()
            raise
        return await super().__aenter__()

    async def _on_small_disks(self) -> None:
        self.servers = self.servers.with_mongo(MongoServer())
        self._held.callback(self.servers.mongo.close)
        self.mongo_disk = self.servers.mongo.folder
        self.agent_disk = self.folder / "data"
        self.agent_disk.mkdir()
        for folder, size in ((self.mongo_disk, MONGO_DISK), (self.agent_disk, AGENT_DISK)):
            _mount(folder, size)
            self._held.callback(_unmount, folder)
        await asyncio.to_thread(self.servers.mongo.start)
        self.place = self.servers.place()


async def disk_full(field: SmallDisks) -> Outcome:
    """15: mongod has no disk left; then the spool has none either."""
    async with field.watched() as capture:
        before = await dropped(field)
        ballast = await asyncio.to_thread(_fill, field.mongo_disk)
        how = await until(lambda: _mongod_suffers(field), 60, every=0.2)
        stored = (await capture.ledger())["stored"]
        await capture.generator.further(4000)
        await asyncio.to_thread(_free, field, ballast)
        watch = Stopwatch()
        await capture.flows()
        recovered = watch.seconds
        lost = await dropped(field) - before
        failures = await _fill_the_spool(field, capture)
        await capture.flows()
        await capture.finish()
        verdict = capture.judge()
    if lost:
        verdict.i1.append(f"{lost:.0f} packets were lost while mongod's disk was full")
    missing = capture.ended["ledger"]["dropped_agent"]
    told = sum(gap.count for gap in capture.viewers[0].gaps if gap.reason == "agent-drop")
    verdict.must(told == missing, f"{missing} were dropped, and gaps tell of {told}")
    return Outcome(
        "mongod's disk full; then MongoDB frozen until the spool's disk was full",
        f"mongod {how} with {stored} packets stored, none lost; then {missing} packets were "
        f"dropped and told ({failures:.0f} failures of the spool's disk); the agent lived",
        verdict,
        recovered,
    )


async def _fill_the_spool(field: SmallDisks, capture: Watched) -> float:
    """Freeze MongoDB until the agent's disk has no room; how often it failed."""
    before, errors = await dropped(field), (await metrics(field.agent)).get(SPOOL_ERRORS, 0)

    async def enough() -> bool:
        return await dropped(field) - before > 1000

    field.servers.mongo.freeze()
    try:
        capture.generator.send(20_000)
        await until(enough, 60, every=0.2)
        failures = (await metrics(field.agent)).get(SPOOL_ERRORS, 0) - errors
        free = os.statvfs(field.agent_disk)
        really(failures, f"the disk never failed, and {free.f_bavail} blocks are free")
    finally:
        capture.generator.send()
        field.servers.mongo.thaw()
    return failures


async def _mongod_suffers(field: SmallDisks) -> str:
    """How mongod shows that its disk is full; nothing while it does not."""
    if not field.servers.mongo.running:
        return "ended itself"
    return "refused writes" if await waiting(field) > 2000 else ""


def _fill(folder: Path) -> Path:
    """Take all that is left of a disk."""
    ballast = folder / "ballast"
    with ballast.open("wb") as file:
        try:
            while file.write(bytes(1 << 20)):
                file.flush()
        except OSError:
            return ballast
    raise AssertionError("a disk without an end")


def _free(field: SmallDisks, ballast: Path) -> None:
    ballast.unlink()
    if not field.servers.mongo.running:
        field.servers.mongo.restart()


def _mount(folder: Path, size: int) -> None:
    options = ("-t", "tmpfs", "-o", f"size={size}m,mode=0700", "tmpfs", str(folder))
    subprocess.run(["mount", *options], check=True)


def _unmount(folder: Path) -> None:
    subprocess.run(["umount", "-l", str(folder)], check=True)
