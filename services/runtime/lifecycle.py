"""The life of a process: start, run until told to stop, drain, and end in time."""

import asyncio
import faulthandler
import gc
import os
import resource
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import uvloop

from services.runtime.cancelling import cancel
from services.runtime.errors import BadSetting

DRAIN_DEADLINE = 12.0
"""Seconds from the first signal to a forced end: a frozen dependency must not hold a process."""

_YOUNG_OBJECTS = 20_000
"""Objects made and not freed before the collector looks at them; 700 is Python's own choice."""
_FORCED = 70
_WRONG_SETTING = 2


class Stopped(Exception):
    """A part of a service that should run for ever has returned."""


def serve(main: Callable[[asyncio.Event], Awaitable[None]]) -> int:
    """Run `main` until SIGTERM or SIGINT sets its event; the process's exit status.

    A second signal, or a drain longer than the deadline, ends the process at once.
    """
    _spare_the_collector()
    _allow_many_connections()
    try:
        uvloop.run(_with_signals(main))
    except* BadSetting as wrong:
        print(f"capflow: {_first(wrong)}", file=sys.stderr)
        status = _WRONG_SETTING
    else:
        status = 0
    return status


def _first(group: BaseExceptionGroup[BadSetting]) -> BaseException:
    """The first error in a group, however deep."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _allow_many_connections() -> None:
    """Ask for as many open files as may be had: each connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def until(stop: asyncio.Event, *parts: Coroutine[Any, Any, None]) -> None:
    """Run `parts` until `stop` is set, then cancel them.

    A part that fails ends them all with its error; one that returns is an error too, since a
    background task that has died must not go unnoticed.
    """
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_for_ever(part, stop)) for part in parts]
        await asyncio.sleep(0)  # each part has begun, even where stop is set already
        await stop.wait()
        await cancel(tasks)


async def _for_ever(part: Coroutine[Any, Any, None], stop: asyncio.Event) -> None:
    await part
    if not stop.is_set():
        raise Stopped(f"{part!r} returned, but should run until it is stopped")


def _spare_the_collector() -> None:
    """Look for cycles seldom, and never among what is imported: nothing of ours makes many, and
    looking took a tenth of a busy dispatcher's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, *gc.get_threshold()[1:])


async def _with_signals(main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _on_signal, stop)
    await main(stop)


def _on_signal(stop: asyncio.Event) -> None:
    if stop.is_set():
        os._exit(_FORCED)
    stop.set()
    watchdog = threading.Timer(DRAIN_DEADLINE, _force)
    watchdog.daemon = True
    watchdog.start()


def _force() -> None:
    print(f"capflow: not drained after {DRAIN_DEADLINE:g} s, ending now", file=sys.stderr)
    faulthandler.dump_traceback()
    os._exit(_FORCED)
