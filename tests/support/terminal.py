"""The `capflow` command on a terminal: what a person sees, and types."""

import asyncio
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

from tests.support.command import CAPFLOW, clean
from tests.support.wait import until

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
_ROWS = 24


class Terminal:
    """One command on a terminal of its own."""

    def __init__(self, process: subprocess.Popen[bytes], handle: int) -> None:
        self.process = process
        self.raw = ""
        """All that was written to the terminal."""
        self._handle = handle

    @property
    def text(self) -> str:
        """The same without what steers the terminal."""
        return _CONTROL.sub("", self.raw)

    @property
    def lines(self) -> list[str]:
        """The lines written, however often they were written over."""
        return [line for line in re.split(r"[\r\n]+", self.text) if line.strip()]

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._handle, text.encode())

    async def shows(self, text: str, timeout: float = 30) -> None:
        """Wait until `text` stands there."""
        await until(lambda: text in self.text, timeout)

    async def ended(self, timeout: float = 30) -> int:
        """Wait for the command's end; its exit code."""
        await until(lambda: self.process.poll() is not None, timeout)
        await asyncio.sleep(0)  # what was written last is read before this returns
        self._read()
        return int(self.process.returncode)

    def _read(self) -> None:
        with suppress(BlockingIOError, OSError):
            while data := os.read(self._handle, 1 << 16):
                self.raw += data.decode(errors="replace")


@asynccontextmanager
async def terminal(
    *arguments: str, env: Mapping[str, str], columns: int = 100
) -> AsyncIterator[Terminal]:
    """Run a command on a terminal of so many columns."""
    near, far = pty.openpty()
    fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, columns, 0, 0))
    os.set_blocking(near, False)
    whole = {**clean(), "TERM": "xterm-256color", **env}
    for fixed in ("COLUMNS", "LINES", "CI"):
        whole.pop(fixed, None)
    process = subprocess.Popen(
        [CAPFLOW, *arguments], stdin=far, stdout=far, stderr=far, env=whole, start_new_session=True
    )
    os.close(far)
    running = Terminal(process, near)
    loop = asyncio.get_running_loop()
    loop.add_reader(near, running._read)
    try:
        yield running
    finally:
        loop.remove_reader(near)
        process.kill()
        process.wait()
        os.close(near)
