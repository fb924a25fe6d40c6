"""The warm child process that compiles filters, as its parent sees it."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from services.packets.libpcap import LibpcapMissing
from services.runtime.errors import Unavailable

START_SECONDS = 10.0
_MODULE = "services.packets.filterchild"
_ROOT = Path(__file__).resolve().parents[2]
_LINE_LIMIT = 1 << 20


class CompilerUnavailable(Unavailable):
    """The process that compiles filters does not start; the same call may succeed later."""


class TookTooLong(Exception):
    """The child did not answer in time, and was killed."""


class Deadly(Exception):
    """The child died of this question, twice."""


class FilterProcess:
    """One child, started when first asked and again after it died. One question at a time."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """The child's process id, while there is one."""
        return self._process.pid if self._process else None

    async def ask(self, question: dict[str, Any], limit: float) -> dict[str, Any]:
        """The child's answer within `limit` seconds.

        Raises TookTooLong, Deadly, LibpcapMissing, CompilerUnavailable.
        """
        async with self._turn:
            try:
                return await self._asked(question, limit)
            except ConnectionError:  # it died since it was last asked, or of this question
                return await self._asked_again(question, limit)

    async def close(self) -> None:
        """End the child."""
        async with self._turn:
            await self._end()

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
            self._process = process = await _spawned()
            first = await asyncio.wait_for(_line(process), START_SECONDS)
        except OSError as error:  # and so a time-out, or a pipe closed at once
            await self._end()
            raise CompilerUnavailable(f"the filter compiler does not start: {error}") from error
        except BaseException:
            await self._end()
            raise
        if "missing" in first:
            await self._end()
            raise LibpcapMissing(first["missing"])
        return process

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _spawned() -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-S", "-P", "-m", _MODULE),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=_environment(),
        limit=_LINE_LIMIT,
        start_new_session=True,  # Ctrl-C is for the service, which then ends the child
    )


def _environment() -> dict[str, str]:
    """What the child needs, and no secret of its parent's."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    return {**kept, "PYTHONPATH": str(_ROOT)}


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
