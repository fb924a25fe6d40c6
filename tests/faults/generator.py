"""Numbered packets on a wire, from a process of their own: the rest of a test is not in its way."""

import mmap
import os
import subprocess
import sys
import tempfile
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.agent.wire import Wire
from tests.faults.sender import DESK_BYTES, RATE, SENT, SENT_AT
from tests.support.wait import until

ROOT = Path(__file__).parents[2]
_ports = count(20_000)


class Generator:
    """Sends into the far end of a wire; no two generators of a wire send to the same port."""

    def __init__(self, wire: Wire, rate: float = 2000, size: int = 200) -> None:
        self.run = os.urandom(4).hex().encode()
        self.port = next(_ports)
        self.size = size
        self.usual = rate
        """Packets a second, unless told otherwise."""
        self._wire = wire
        descriptor, self._name = tempfile.mkstemp(prefix="capflow-desk-")
        os.truncate(descriptor, DESK_BYTES)
        self._desk = mmap.mmap(descriptor, DESK_BYTES)
        os.close(descriptor)
        self._total: int | None = None
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def filter(self) -> str:
        """The capture filter for these packets."""
        return f"udp dst port {self.port}"

    @property
    def sent(self) -> int:
        """How many packets have been sent; their numbers are below that."""
        if self._total is not None:
            return self._total
        return int(SENT.unpack_from(self._desk, SENT_AT)[0])

    def send(self, rate: float | None = None) -> None:
        """Send from now on, `rate` a second."""
        RATE.pack_into(self._desk, 0, self.usual if rate is None else rate)

    async def further(self, packets: int, timeout: float = 30) -> None:
        """Wait until so many more packets have been sent."""
        goal = self.sent + packets
        await until(lambda: self.sent >= goal, timeout)

    def stop(self) -> None:
        """End; the last packet counted is the last one sent."""
        if self._child is not None:
            self._child.terminate()
            self._child.wait()

    def __enter__(self) -> Self:
        program = (sys.executable, "-m", "tests.faults.sender", self._wire.far, str(self.port))
        more = (self.run.decode(), str(self.size), self._name)
        self._child = self._wire.spawn(*program, *more, cwd=ROOT)
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        self.stop()
        self._total = self.sent
        self._desk.close()
        os.unlink(self._name)
