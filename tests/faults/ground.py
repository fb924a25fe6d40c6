"""Runs faults one after the other, each in a world that may have served others, and judges them."""

import asyncio
import shutil
import traceback
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.faults import afterwards
from tests.faults.fault import Fault
from tests.faults.outcome import Outcome, Stopwatch, Void
from tests.faults.verdict import INVARIANTS, Verdict
from tests.faults.world import World
from tests.servers.mongo import MongoServer
from tests.support.servers import Servers

LOGS = Path("build/faults/logs")
"""Where the services' logs of a fault go that did not hold."""


@dataclass(slots=True)
class Result:
    """What became of one fault, for the table."""

    fault: Fault
    seed: int
    outcome: Outcome = field(default_factory=lambda: Outcome("", ""))
    void: str = ""
    """Why it shows nothing, if it does not."""
    broke: str = ""
    """How the run itself went wrong, if it did."""
    seconds: float = 0.0

    @property
    def held(self) -> bool:
        """Whether the fault happened, and everything held."""
        return not self.void and not self.broke and self.outcome.verdict.well

    def complaints(self) -> str:
        """Everything that is wrong, for a reader."""
        verdict = self.outcome.verdict
        lines = [f"fault {self.fault.number}, SEED={self.seed}: {self.fault.title}"]
        lines += [f"void: {self.void}"] * bool(self.void) + [self.broke] * bool(self.broke)
        for name in (*INVARIANTS, "own"):
            lines += [f"{name}: {complaint}" for complaint in verdict.of(name)]
        return "\n".join(lines)


class Ground:
    """Servers, and a world on them that is kept while it is good and the next fault can use it."""

    def __init__(self, servers: Servers, folder: Path, *, full: bool = False) -> None:
        self._servers = servers
        self._folder = folder
        self._full = full
        self._made = 0
        self._world: World | None = None
        self._key: object = None
        self._held = AsyncExitStack()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._leave_world()

    async def run(self, fault: Fault, seed: int) -> Result:
        """Run one fault and judge what came of it."""
        result, watch = Result(fault, seed), Stopwatch()
        try:
            async with self._in_world(fault, seed) as world:
                result.outcome = await fault.run(world)
                await self._judge(world, result.outcome)
        except Void as error:
            result.void = str(error)
        except Exception:
            result.broke = traceback.format_exc()
        result.seconds = watch.seconds
        if not result.held:
            self._keep_logs(fault)
        if not result.held or fault.alone:
            await self._leave_world()
        return result

    def _keep_logs(self, fault: Fault) -> None:
        """What the services wrote, for whoever looks into it."""
        if self._world is None:
            return
        logs = LOGS / fault.number
        logs.mkdir(parents=True, exist_ok=True)
        for log in self._world.folder.glob("*.log"):
            shutil.copy(log, logs)

    async def _judge(self, world: World, outcome: Outcome) -> None:
        """I4, I5 and I6, which any fault must leave in order."""
        took, complaints = await afterwards.works(world)
        if outcome.recovered is None:
            outcome.recovered = took
        elif world.full and outcome.recovered > afterwards.RECOVERY:
            complaints.append(f"what was broken worked again after {outcome.recovered:.1f} s only")
        verdict = Verdict(i6=complaints)
        verdict.i4 += await afterwards.at_rest(world)
        verdict.i5 += await afterwards.within_limits(world)
        outcome.verdict.add(verdict)

    @asynccontextmanager
    async def _in_world(self, fault: Fault, seed: int) -> AsyncIterator[World]:
        """A world for this fault; afterwards its servers run again, whatever was done to them."""
        key = (fault.world, tuple(sorted(fault.settings.items())), fault.mongo_options)
        if self._world is None or key != self._key or fault.alone:
            await self._leave_world()
            await self._make_world(fault)
            self._key = key
        assert self._world is not None
        self._world.choose(seed)
        try:
            yield self._world
        finally:
            await asyncio.to_thread(self._world.servers.revive)

    async def _make_world(self, fault: Fault) -> None:
        servers = self._servers
        if fault.mongo_options:
            servers = servers.with_mongo(MongoServer(*fault.mongo_options))
            self._held.callback(servers.mongo.close)
            await asyncio.to_thread(servers.mongo.start)
        self._made += 1
        folder = self._folder / f"world-{self._made}"
        folder.mkdir(parents=True)
        world = fault.world(servers, folder, full=self._full, **fault.settings)
        self._world = await self._held.enter_async_context(world)

    async def _leave_world(self) -> None:
        self._world = None
        await self._held.aclose()
