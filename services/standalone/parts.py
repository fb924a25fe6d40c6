"""Several services in one process: started one after the other, and stopped in a written order."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from services.runtime.errors import BadSetting
from services.runtime.lifecycle import Stopped

Run = Callable[[asyncio.Event, Callable[[], None]], Coroutine[Any, Any, None]]
"""A service that runs until the event is set, and calls the other argument when it serves."""


class Part:
    """One service that runs beside others."""

    def __init__(self, name: str, run: Run) -> None:
        self.name = name
        self._run = run
        self._stop = asyncio.Event()
        self._ended = asyncio.Event()

    async def start(self, group: asyncio.TaskGroup) -> None:
        """Start it, and return when it serves."""
        started = asyncio.Event()
        group.create_task(self._live(started.set), name=self.name)
        await started.wait()

    async def stop(self) -> None:
        """Tell it to stop, and wait until it has drained."""
        self._stop.set()
        await self._ended.wait()

    async def _live(self, started: Callable[[], None]) -> None:
        await self._run(self._stop, started)
        if not self._stop.is_set():
            raise Stopped(f"the {self.name} returned, but should run until it is stopped")
        self._ended.set()


async def together(parts: list[Part], until: Callable[[], Awaitable[None]]) -> None:
    """Run `parts`, started in their order, until `until` returns; it stops them in its own.

    The failure of one ends all. A BadSetting among the failures is raised as itself.
    """
    try:
        async with asyncio.TaskGroup() as group:
            for part in parts:
                await part.start(group)
            await until()
    except BaseExceptionGroup as failures:
        raise _bad_setting(failures) or failures from None


def _bad_setting(failures: BaseExceptionGroup[Any]) -> BaseException | None:
    found: Any = failures.subgroup(BadSetting)
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found if isinstance(found, BadSetting) else None
