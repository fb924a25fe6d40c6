"""A capture source: an AF_PACKET socket with a TPACKET_V3 ring (packet(7), packet_mmap.rst).

Filter and ring are set before the socket is bound, so that it never holds a packet that it should
not. It needs CAP_NET_RAW and nothing else.
"""

import ctypes
import errno
import mmap
import select
import socket
import struct
import sys

from contracts.order import MAX_SNAPLEN
from services.agent import bpf, interfaces
from services.agent.failures import (
    CAPTURE_REFUSED,
    INTERFACE_DOWN,
    NO_PERMISSION,
    NO_SUCH_INTERFACE,
    CaptureFailed,
)
from services.agent.ringblock import STATUS_AT, STATUS_KERNEL, STATUS_USER, frames_of
from services.agent.source import Counters, Frame, Instruction, Screen

_SO_ATTACH_FILTER = 26
_SOL_PACKET = 263
_ADD_MEMBERSHIP = 1
_RX_RING = 5
_STATISTICS = 6
_VERSION = 10
_IGNORE_OUTGOING = 23
_TPACKET_V3 = 2
_MR_PROMISCUOUS = 1
_ETH_P_ALL = 3

BLOCK = 512 << 10
"""Bytes of one block of the ring: room for a packet of the largest snap length."""
_FRAME = 2048
RETIRE_MS = 8
"""The kernel hands over a block that is not full this long after its first packet."""

_STATUS = struct.Struct("<I")
_COUNTERS = struct.Struct("<III")
_INSTRUCTION = struct.Struct("=HBBI")


class Ring:
    """Packets of one interface, incoming and outgoing (on `lo` each once)."""

    filters_in_kernel = True

    def __init__(self, interface: str, size: int) -> None:
        self._interface = interface
        self._blocks = max(2, size // BLOCK)
        self._current = 0
        self._counters = Counters()
        self._snaplen = MAX_SNAPLEN
        self._socket: socket.socket | None = None
        self._ring: mmap.mmap | None = None

    def linktype(self) -> int:
        """As Source."""
        return interfaces.linktype(self._interface)

    def open(self, screen: Screen) -> None:
        """As Source."""
        self._snaplen = screen.snaplen
        self._socket = _packet_socket(self._interface)
        try:
            self._set_up(self._socket, screen)
        except OSError as error:
            self.close()
            raise _refusal(self._interface, error) from error

    def read(self, timeout: float) -> list[Frame]:
        """As Source: one block of the ring."""
        start = self._current * BLOCK
        if not self._filled(start) and not self._wait(start, timeout):
            return []
        assert self._ring is not None
        frames = frames_of(self._ring, start, self._snaplen)
        _STATUS.pack_into(self._ring, start + STATUS_AT, STATUS_KERNEL)
        self._current = (self._current + 1) % self._blocks
        return frames

    def halt(self) -> None:
        """As Source: a filter that nothing passes."""
        if self._socket is not None:
            _attach(self._socket, bpf.NOTHING)

    def statistics(self) -> Counters:
        """As Source. The kernel's counters start again at 0 when read, so they are added up."""
        if self._socket is not None:
            raw = self._socket.getsockopt(_SOL_PACKET, _STATISTICS, _COUNTERS.size)
            seen, dropped, _ = _COUNTERS.unpack(raw)
            self._counters = Counters(self._counters.seen + seen, self._counters.dropped + dropped)
        return self._counters

    def close(self) -> None:
        """As Source."""
        if self._ring is not None:
            self._ring.close()
        if self._socket is not None:
            self._socket.close()
        self._ring = self._socket = None

    def _set_up(self, packets: socket.socket, screen: Screen) -> None:
        _attach(packets, bpf.chain(screen))
        packets.setsockopt(_SOL_PACKET, _VERSION, _TPACKET_V3)
        packets.setsockopt(_SOL_PACKET, _RX_RING, self._geometry())
        self._ring = mmap.mmap(packets.fileno(), self._blocks * BLOCK)
        if interfaces.is_loopback(self._interface):
            packets.setsockopt(_SOL_PACKET, _IGNORE_OUTGOING, 1)
        else:
            packets.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, _promiscuous(self._interface))
        packets.bind((self._interface, _ETH_P_ALL))

    def _geometry(self) -> bytes:
        frames = self._blocks * BLOCK // _FRAME
        return struct.pack("<7I", BLOCK, self._blocks, _FRAME, frames, RETIRE_MS, 0, 0)

    def _filled(self, start: int) -> bool:
        assert self._ring is not None
        return bool(_STATUS.unpack_from(self._ring, start + STATUS_AT)[0] & STATUS_USER)

    def _wait(self, start: int, timeout: float) -> bool:
        """Whether a block is there within `timeout`; raises where the interface is gone."""
        assert self._socket is not None
        poll = select.poll()
        poll.register(self._socket, select.POLLIN | select.POLLERR)
        events = poll.poll(timeout * 1000)
        if self._filled(start):
            return True
        if events and events[0][1] & select.POLLERR:
            self._raise_error(self._socket)
        return False

    def _raise_error(self, packets: socket.socket) -> None:
        number = packets.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            raise _refusal(self._interface, OSError(number, errno.errorcode.get(number, "")))


def _packet_socket(interface: str) -> socket.socket:
    try:  # protocol 0: nothing comes in before `bind`
        return socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    except OSError as error:
        raise _refusal(interface, error) from error


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
