"""How every command runs: with a gateway, to an exit code, and with errors that help.

0 is success; 1, the server said no or is away; 2, the command or a setting is wrong.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

from services.client.api import Gateway
from services.client.errors import ApiError, GatewayAway, StreamerAway, Stuck
from services.client.output import note, tell
from services.client.settings import ClientSettings
from services.runtime.errors import BadSetting, CapflowError
from services.runtime.escaping import escape
from services.runtime.settings import load

FAILED = 1
WRONG = 2


def call(work: Callable[..., Awaitable[None]], options: dict[str, Any]) -> None:
    """Run a coroutine whose first argument is the gateway, and end as it tells."""
    try:
        asyncio.run(_with_gateway(work, options))
        sys.stdout.flush()
    except BrokenPipeError:
        _leave_quietly()
    except BadSetting as error:
        fail(str(error), code=WRONG)
    except CapflowError as error:
        fail(str(error), _next_step(error))


def fail(text: str, next_step: str | None = None, code: int = FAILED) -> NoReturn:
    """End with an error: what happened, and what to do."""
    complain(text, next_step)
    raise SystemExit(code)


def complain(what: str | CapflowError, next_step: str | None = None) -> None:
    """Say what went wrong, and what to do, on standard error."""
    for line in str(what).splitlines():
        tell(f"capflow: {escape(line)}", fg="red")
    if isinstance(what, CapflowError):
        next_step = next_step or _next_step(what)
    if next_step:
        note(next_step)


async def _with_gateway(work: Callable[..., Awaitable[None]], options: dict[str, Any]) -> None:
    settings = load(ClientSettings)
    async with Gateway(settings.address, settings.secret) as gateway:
        await work(gateway, **options)


def _next_step(error: CapflowError) -> str | None:
    if isinstance(error, ApiError | GatewayAway | StreamerAway | Stuck):
        return error.next_step
    return None


def _leave_quietly() -> None:
    """The reader of our output has gone: nobody is left to tell, and Python must not try."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
