"""Debian's tshark, with a home of its own in which the plug-in is installed."""

import asyncio
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from pathlib import Path

from tests.support.command import Outcome, clean, outcome, run
from tests.support.stack import ADMIN_KEY, Stack


class Tshark:
    """tshark, started as a desktop would: it finds the gateway by what `install` kept."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = {"HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config")}

    @property
    def plugin(self) -> Path:
        """The plug-in's file."""
        return self.home / ".config" / "wireshark" / "extcap" / "capflow"

    async def install(self, stack: Stack) -> None:
        """Install the plug-in for a stack."""
        told = {"CAPFLOW_URL": stack.rest, "CAPFLOW_KEY": ADMIN_KEY}
        result = await run("wireshark", "install", env={**self.environment, **told})
        assert (result.code, result.out.strip()) == (0, str(self.plugin)), result.err

    async def spawn(
        self, *arguments: str, stdin: int = DEVNULL, told: Mapping[str, str] | None = None
    ) -> Process:
        """Start it; `told` are settings of ours."""
        env = {**clean(), **self.environment, **(told or {})}
        return await asyncio.create_subprocess_exec(
            "tshark", "-l", *arguments, env=env, stdin=stdin, stdout=PIPE, stderr=PIPE
        )

    async def run(self, *arguments: str, **told: str) -> Outcome:
        """Run it to its end."""
        return await outcome(await self.spawn(*arguments, told=told))


async def interrupt(process: Process) -> Outcome:
    """Ctrl-C."""
    process.send_signal(signal.SIGINT)
    return await outcome(process)
