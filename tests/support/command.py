"""The `capflow` command as a user runs it: a real process."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CAPFLOW = str(Path(sys.executable).with_name("capflow"))

for _number in (signal.SIGINT, signal.SIGHUP):
    # As nohup and a shell's `&` leave them: a command would ignore them too, and rightly.
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.SIG_DFL)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str


async def spawn(*arguments: str, env: Mapping[str, str]) -> Process:
    """Start a command."""
    return await asyncio.create_subprocess_exec(
        CAPFLOW, *arguments, env={**clean(), **env}, stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )


async def run(*arguments: str, env: Mapping[str, str]) -> Outcome:
    """Run a command to its end."""
    return await outcome(await spawn(*arguments, env=env))


async def outcome(process: Process, timeout: float = 60) -> Outcome:
    """Wait for a command's end."""
    out, err = await asyncio.wait_for(process.communicate(), timeout)
    assert process.returncode is not None
    return Outcome(process.returncode, out.decode(), err.decode())


def clean() -> dict[str, str]:
    """The environment without any setting of ours."""
    return {name: text for name, text in os.environ.items() if not name.startswith("CAPFLOW_")}
