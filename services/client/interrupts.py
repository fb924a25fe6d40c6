"""Ctrl-C and its like, as an ordinary event; and a pipe whose reader goes."""

import asyncio
import os
import signal
import stat
import sys
from collections.abc import Callable, Coroutine
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def on_interrupt(act: Callable[[], object]) -> None:
    """Call `act` on the event loop at the first signal that asks to end; a second one ends this
    process without waiting for anything."""
    loop = asyncio.get_running_loop()

    def on_signal(_number: int, _frame: Any) -> None:
        for number in SIGNALS:
            signal.signal(number, signal.default_int_handler)
        loop.call_soon_threadsafe(act)

    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup sets it
            signal.signal(number, on_signal)


def on_reader_gone(act: Callable[[], object]) -> None:
    """Call `act` when nobody reads our output any more, even if nothing is written."""
    out = sys.stdout.fileno()
    if stat.S_ISFIFO(os.fstat(out).st_mode):
        # A pipe's writing end wakes only when its reader goes.
        asyncio.get_running_loop().add_reader(out, act)


async def until_told(watching: Coroutine[Any, Any, None]) -> bool:
    """Await `watching` until its end, or Ctrl-C, or until nobody reads our output any more;
    whether it came to its end."""
    task = asyncio.ensure_future(watching)
    on_interrupt(task.cancel)
    on_reader_gone(task.cancel)
    await asyncio.wait({task})
    if task.cancelled():
        return False
    task.result()
    return True
