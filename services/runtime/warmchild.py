"""A child process that is kept warm for work that may hang, swell or crash.

A line of JSON goes in, a line of JSON comes out. The child's first line says that it is ready.
"""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from services.runtime.errors import Unavailable

START_SECONDS = 10.0
_ROOT = Path(__file__).resolve().parents[2]
_LINE_LIMIT = 8 << 20


class TookTooLong(Exception):
    """The child did not answer in time, and was killed."""


class Deadly(Exception):
    """The child died of this question, twice."""


class WarmChild:
    """One child, started when first asked and again after it died. One question at a time.

    `arguments` give the interpreter's; `name` is what it is called when it does not start, told
    as `unavailable`. A `quiet` one has no standard error.
    """

    def __init__(
        self,
        name: str,
        arguments: Callable[[], Sequence[str]],
        unavailable: type[Unavailable],
        *,
        quiet: bool = False,
    ) -> None:
        self._name = name
        self._arguments = arguments
        self._unavailable = unavailable
        self._quiet = quiet
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """The child's process id, while there is one."""
        return self._process.pid if self._process else None

    async def ask(self, question: dict[str, Any], limit: float) -> dict[str, Any]:
        """The child's answer within `limit` seconds. Raises TookTooLong, Deadly, and what it is
        to raise where the child does not start."""
        async with self._turn:
            try:
                return await self._asked(question, limit)
            except ConnectionError:  # it died since it was last asked, or of this question
                return await self._asked_again(question, limit)

    async def close(self) -> None:
        """End the child."""
        async with self._turn:
            await self._end()

    def greeted(self, first: dict[str, Any]) -> None:
        """Take the child's first line; may raise where it says that it cannot work."""

    async def _asked_again(self, question: dict[str, Any], limit: float) -> dict[str, Any]:
        try:
            return await self._asked(question, limit)
        except ConnectionError as error:
            raise Deadly from error

    async def _asked(self, question: dict[str, Any], limit: float) -> dict[str, Any]:
        process = self._process or await self._started()
        try:
            return await asyncio.wait_for(_exchange(process, question), limit)
        except TimeoutError as error:
            await self._end()
            raise TookTooLong from error
        except BaseException:  # its answer may still come, and would be taken for the next one
            await self._end()
            raise

    async def _started(self) -> asyncio.subprocess.Process:
        try:
            self._process = process = await self._spawned()
            self.greeted(await asyncio.wait_for(_line(process), START_SECONDS))
        except OSError as error:  # and so a time-out, or a pipe closed at once
            await self._end()
            raise self._unavailable(f"{self._name} does not start: {error}") from error
        except BaseException:
            await self._end()
            raise
        return process

    async def _spawned(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *self._arguments(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL if self._quiet else None,
            env=_environment(),
            limit=_LINE_LIMIT,
            start_new_session=True,  # Ctrl-C is for the service, which then ends the child
        )

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        await process.communicate()


def _environment() -> dict[str, str]:
    """What a child needs, and no secret of its parent's; no folder to keep anything in."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    nowhere = {f"XDG_{kind}_HOME": "/dev/null/none" for kind in ("CACHE", "CONFIG", "DATA")}
    return {**kept, **nowhere, "PYTHONPATH": str(_ROOT)}


async def _exchange(
    process: asyncio.subprocess.Process, question: dict[str, Any]
) -> dict[str, Any]:
    assert process.stdin is not None
    process.stdin.write(json.dumps(question).encode() + b"\n")
    await process.stdin.drain()
    return await _line(process)


async def _line(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line.endswith(b"\n"):
        raise ConnectionError("it closed its pipe")
    answer: dict[str, Any] = json.loads(line)
    return answer
