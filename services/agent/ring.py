"""A capture source: an AF_PACKET socket with a TPACKET_V3 ring (packet(7), packet_mmap.rst).

Ring and filter are set before the socket is bound, so that it never holds a packet that it should
not. It needs CAP_NET_RAW and nothing else.
"""

import ctypes
import errno
import select
import socket
import struct
import sys
from functools import partial

from contracts.order import MAX_SNAPLEN
from services.agent import bpf, interfaces
from services.agent.blankring import BLOCK, SOL_PACKET, BlankRing, Spare, make
from services.agent.failures import (
    CAPTURE_REFUSED,
    INTERFACE_DOWN,
    NO_PERMISSION,
    NO_SUCH_INTERFACE,
    CaptureFailed,
)
from services.agent.ringblock import STATUS_AT, STATUS_KERNEL, STATUS_USER, frames_of
from services.agent.source import FEW, Counters, Frame, Instruction, Screen

_SO_ATTACH_FILTER = 26
_ADD_MEMBERSHIP = 1
_STATISTICS = 6
_IGNORE_OUTGOING = 23
_MR_PROMISCUOUS = 1
_ETH_P_ALL = 3

_STATUS = struct.Struct("<I")
_COUNTERS = struct.Struct("<III")
_INSTRUCTION = struct.Struct("=HBBI")


class Ring:
    """Packets of one interface, incoming and outgoing (on `lo` each once).

    `size` is that of its ring in bytes; with a `spare` it takes the ring that is ready there.
    """

    filters_in_kernel = True

    def __init__(self, interface: str, size: int, spare: Spare | None = None) -> None:
        self._interface = interface
        self._make = spare.take if spare else partial(make, size)
        self._current = 0
        self._counters = Counters()
        self._snaplen = MAX_SNAPLEN
        self._ring: BlankRing | None = None

    def linktype(self) -> int:
        """As Source."""
        return interfaces.linktype(self._interface)

    def open(self, screen: Screen) -> None:
        """As Source."""
        self._snaplen = screen.snaplen
        try:
            self._ring = self._make()
            self._set_up(self._ring.socket, screen)
        except OSError as error:
            self.close()
            raise _refusal(self._interface, error) from error

    @property
    def slack(self) -> float:
        """As Source: while little comes the kernel takes a block each time one retires, and half
        of them are left for a burst."""
        return self._ring.blocks // 2 * self._ring.retire if self._ring is not None else 0.0

    def read(self, timeout: float) -> list[Frame]:
        """As Source: one block of the ring, or several that hold few packets."""
        if not self._filled() and not self._wait(timeout):
            return []
        frames = self._take()
        while len(frames) < FEW and self._filled():
            frames += self._take()
        return frames

    def halt(self) -> None:
        """As Source: a filter that nothing passes."""
        if self._ring is not None:
            _attach(self._ring.socket, bpf.NOTHING)

    def statistics(self) -> Counters:
        """As Source. The kernel's counters start again at 0 when read, so they are added up."""
        if self._ring is not None:
            raw = self._ring.socket.getsockopt(SOL_PACKET, _STATISTICS, _COUNTERS.size)
            seen, dropped, _ = _COUNTERS.unpack(raw)
            self._counters = Counters(self._counters.seen + seen, self._counters.dropped + dropped)
        return self._counters

    def close(self) -> None:
        """As Source."""
        if self._ring is not None:
            self._ring.close()
        self._ring = None

    def _set_up(self, packets: socket.socket, screen: Screen) -> None:
        _attach(packets, bpf.chain(screen))
        if interfaces.is_loopback(self._interface):
            packets.setsockopt(SOL_PACKET, _IGNORE_OUTGOING, 1)
        else:
            packets.setsockopt(SOL_PACKET, _ADD_MEMBERSHIP, _promiscuous(self._interface))
        packets.bind((self._interface, _ETH_P_ALL))

    def _filled(self) -> bool:
        assert self._ring is not None
        at = self._current * BLOCK + STATUS_AT
        return bool(_STATUS.unpack_from(self._ring.memory, at)[0] & STATUS_USER)

    def _take(self) -> list[Frame]:
        """The packets of the next block, which the kernel gets back."""
        assert self._ring is not None
        start = self._current * BLOCK
        frames = frames_of(self._ring.memory, start, self._snaplen)
        _STATUS.pack_into(self._ring.memory, start + STATUS_AT, STATUS_KERNEL)
        self._current = (self._current + 1) % self._ring.blocks
        return frames

    def _wait(self, timeout: float) -> bool:
        """Whether a block is there within `timeout`; raises where the interface is gone."""
        assert self._ring is not None
        poll = select.poll()
        poll.register(self._ring.socket, select.POLLIN | select.POLLERR)
        events = poll.poll(timeout * 1000)
        if self._filled():
            return True
        if events and events[0][1] & select.POLLERR:
            self._raise_error(self._ring.socket)
        return False

    def _raise_error(self, packets: socket.socket) -> None:
        number = packets.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            raise _refusal(self._interface, OSError(number, errno.errorcode.get(number, "")))


def _attach(packets: socket.socket, program: list[Instruction]) -> None:
    code = ctypes.create_string_buffer(b"".join(_INSTRUCTION.pack(*line) for line in program))
    packets.setsockopt(
        socket.SOL_SOCKET,
        _SO_ATTACH_FILTER,
        struct.pack("@HP", len(program), ctypes.addressof(code)),
    )


def _promiscuous(interface: str) -> bytes:
    return struct.pack("@iHH8s", socket.if_nametoindex(interface), _MR_PROMISCUOUS, 0, b"")


def _refusal(interface: str, error: OSError) -> CaptureFailed:
    if error.errno in (errno.EPERM, errno.EACCES):
        return CaptureFailed(NO_PERMISSION, _no_permission(interface))
    if error.errno in (errno.ENODEV, errno.ENXIO):
        return CaptureFailed(NO_SUCH_INTERFACE, f"there is no interface {interface} here")
    if error.errno == errno.ENETDOWN:
        return CaptureFailed(
            INTERFACE_DOWN, f"interface {interface} is down or gone: bring it up and start again"
        )
    return CaptureFailed(CAPTURE_REFUSED, f"cannot capture on {interface}: {error.strerror}")


def _no_permission(interface: str) -> str:
    return (
        f"capturing on {interface} needs CAP_NET_RAW: start the agent with sudo, or run "
        f"`sudo setcap cap_net_raw+ep {sys.executable}` (the file itself, not a link to it) and "
        "start it again; the service `demo` needs no right at all"
    )
