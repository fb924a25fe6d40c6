"""Wait for a condition, never for a while."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any, TypeVar, overload

T = TypeVar("T")
SELDOM = 0.05
"""Seconds."""


@overload
async def until(
    condition: Callable[[], Awaitable[T]], timeout: float = 30, every: float = 0.01
) -> T: ...
@overload
async def until(condition: Callable[[], T], timeout: float = 30, every: float = 0.01) -> T: ...
async def until(condition: Callable[[], Any], timeout: float = 30, every: float = 0.01) -> Any:
    """Wait until `condition()`, which may be a coroutine function, gives something true: that.

    It is asked after `every` seconds and then less and less often, down to `SELDOM`: to ask may
    cost much.
    """
    deadline, pause = monotonic() + timeout, every
    while True:
        result = condition()
        value = await result if inspect.isawaitable(result) else result
        if value:
            return value
        if monotonic() > deadline:
            raise AssertionError(f"not within {timeout} s: {_source(condition)}")
        await asyncio.sleep(pause)
        pause = max(every, min(1.2 * pause, SELDOM))


def _source(condition: object) -> str:
    try:
        return inspect.getsource(condition).strip()  # type: ignore[arg-type]
    except (OSError, TypeError):
        return repr(condition)
