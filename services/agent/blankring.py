"""Rings that are bound to nothing yet (packet(7), packet_mmap.rst), one of them made ahead.

Making a ring takes the kernel 10 to 25 ms: it waits until no processor can still be busy with the
socket (an RCU grace period), though this one was never bound. A capture that finds a ring ready
starts that much sooner. Until it is bound, no packet can come in.
"""

import ctypes
import mmap
import os
import socket
import struct
import threading
from dataclasses import dataclass

from services.agent.age import LEAST, RETIRE, BlockAge
from services.runtime.logs import get

SOL_PACKET = 263
BLOCK = 512 << 10
"""Bytes of one block of the ring: room for a packet of the largest snap length."""
REST_SECONDS = 0.03
"""How long after a capture took the ring the next is made, so as not to slow its start."""

_RX_RING = 5
_VERSION = 10
_TPACKET_V3 = 2
_FRAME = 2048


@dataclass(frozen=True, slots=True)
class BlankRing:
    """A packet socket and its ring."""

    socket: socket.socket
    memory: mmap.mmap
    retire: float
    """The kernel hands over a block that is not full so many seconds after its first packet."""

    @property
    def blocks(self) -> int:
        """How many blocks it has."""
        return len(self.memory) // BLOCK

    def close(self) -> None:
        """Give both back."""
        self.memory.close()
        self.socket.close()


def make(size: int, retire: float = LEAST * RETIRE) -> BlankRing:
    """A ring of about `size` bytes, with blocks that retire after so many seconds. Raises
    OSError."""
    blocks = max(2, size // BLOCK)
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)  # protocol 0: takes nothing
    try:
        packets.setsockopt(SOL_PACKET, _VERSION, _TPACKET_V3)
        _set_aside(packets, _geometry(blocks, round(retire * 1000)))
        memory = mmap.mmap(packets.fileno(), blocks * BLOCK)
        return BlankRing(packets, memory, retire)
    except BaseException:
        packets.close()
        raise


class Spare:
    """Keeps one ring ready; `take` may be called from any thread."""

    def __init__(self, size: int, age: BlockAge) -> None:
        self._size = size
        self._age = age
        self._lock = threading.Lock()
        self._ready: BlankRing | None = None
        self._making: threading.Timer | None = None
        self._closed = False

    @property
    def waits(self) -> bool:
        """Whether one is being made, or will be soon."""
        with self._lock:
            return self._making is not None

    def take(self) -> BlankRing:
        """The ring that is ready, or one made now; the next is made soon. Raises OSError."""
        with self._lock:
            ring, self._ready = self._ready, None
        self.prepare(REST_SECONDS)
        return ring or make(self._size, self._age.retire)

    def prepare(self, after: float = 0.0) -> None:
        """Make a ring ready in so many seconds, in a thread of its own."""
        with self._lock:
            if self._closed or self._ready or self._making:
                return
            self._making = threading.Timer(after, self._make)
            self._making.daemon = True
            self._making.start()

    def close(self) -> None:
        """Give the ring back, and make no other."""
        with self._lock:
            self._closed = True
            ring, self._ready = self._ready, None
            if self._making is not None:
                self._making.cancel()
        if ring is not None:
            ring.close()

    def _make(self) -> None:
        try:
            ring = make(self._size, self._age.retire)
        except OSError as error:  # the capture that needs one says what to do
            get("agent").info("no ring is kept ready", reason=str(error))
            ring = None
        with self._lock:
            self._making = None
            self._ready, unwanted = (None, ring) if self._closed else (ring, None)
        if unwanted is not None:
            unwanted.close()


def _set_aside(packets: socket.socket, geometry: bytes) -> None:
    """Let the kernel make the ring. Python's own `setsockopt` would keep every thread of this
    process waiting meanwhile, those that capture among them."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setsockopt(packets.fileno(), SOL_PACKET, _RX_RING, geometry, len(geometry)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _geometry(blocks: int, retire_ms: int) -> bytes:
    frames = blocks * BLOCK // _FRAME
    return struct.pack("<7I", BLOCK, blocks, _FRAME, frames, retire_ms, 0, 0)
