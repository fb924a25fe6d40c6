"""Where faults of the data path happen: a world whose agent watches wires of our packets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from tests.agent.wire import Wire
from tests.faults.generator import Generator
from tests.faults.watched import Watched
from tests.faults.world import World

_BY_CHANCE = 500
"""Packets that may pass before a fault: when it strikes comes from the seed."""


class Field(World):
    """The agent's services `wire` and `other` are the near ends of two wires."""

    async def __aenter__(self) -> Self:
        try:
            self.wire = self._held.enter_context(Wire(self.folder))
            self.other_wire = self._held.enter_context(Wire(self.folder))
            return await super().__aenter__()
        except BaseException:
            await self._held.aclose()
            raise

    def services(self) -> str:
        wires = {"lo": "lo", "wire": self.wire.near, "other": self.other_wire.near}
        return "".join(f'[services.{name}]\ninterface = "{at}"\n' for name, at in wires.items())

    @asynccontextmanager
    async def watched(
        self, service: str = "wire", viewers: int = 2, rate: float = 2000, **fields: object
    ) -> AsyncIterator[Watched]:
        """A capture under watch, in which packets flow."""
        wire = self.other_wire if service == "other" else self.wire
        with Generator(wire, rate) as generator:
            capture = Watched(self.rest, self.place, generator)
            try:
                await capture.begin(service, viewers, **fields)
                await generator.further(self.random.randrange(_BY_CHANCE))
                yield capture
            finally:
                await capture.leave()
