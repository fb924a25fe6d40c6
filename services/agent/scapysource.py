"""A portable capture source, where there is no AF_PACKET: Scapy's sockets (BPF, Npcap).

Slower, and blind to what the kernel drops. Scapy is imported when the source is first used.
"""

import select
import time
from typing import Any

from services.agent.failures import (
    CAPTURE_REFUSED,
    INTERFACE_DOWN,
    NO_PERMISSION,
    NO_SUCH_INTERFACE,
    UNKNOWN_LINKTYPE,
    CaptureFailed,
)
from services.agent.source import Counters, Frame, Screen, SourceEnded
from services.packets import linktypes

BATCH = 500
"""Packets that one read looks at."""
_LONGEST = 65_536 + 18
_ARPHRD_ETHER = 1


class ScapySource:
    """Packets of one interface, filtered in this process."""

    filters_in_kernel = False
    slack = 0.0

    def __init__(self, interface: str) -> None:
        self._interface = interface
        self._screen = Screen()
        self._socket: Any = None
        self._halted = False
        self._taken = 0

    def linktype(self) -> int:
        """As Source."""
        devices = _scapy().ifaces.data.values()
        device = next((one for one in devices if one.name == self._interface), None)
        if device is None:
            raise CaptureFailed(
                NO_SUCH_INTERFACE, f"there is no interface {self._interface} on this host"
            )
        kind = int(getattr(device, "type", _ARPHRD_ETHER))
        known_type = linktypes.of_arphrd(kind)
        if known_type is None:
            raise CaptureFailed(
                UNKNOWN_LINKTYPE, f"the frames of {self._interface} have no link type we know"
            )
        return known_type

    def open(self, screen: Screen) -> None:
        """As Source."""
        self._screen = screen
        try:
            self._socket = _scapy().L2listen(iface=self._interface)
        except PermissionError as error:
            raise CaptureFailed(
                NO_PERMISSION,
                f"capturing on {self._interface} needs administrator rights; the service `demo` "
                "needs none",
            ) from error
        except OSError as error:
            raise CaptureFailed(
                CAPTURE_REFUSED, f"cannot capture on {self._interface}: {error}"
            ) from error

    def read(self, timeout: float) -> list[Frame]:
        """As Source."""
        if self._halted:
            raise SourceEnded
        frames: list[Frame] = []
        deadline = time.monotonic() + timeout
        try:
            for _ in range(BATCH):  # of what comes, not of what passes: a read must come back
                if not self._ready(0.0 if frames else max(0.0, deadline - time.monotonic())):
                    break
                if frame := self._one():
                    frames.append(frame)
        except OSError as error:
            raise CaptureFailed(
                INTERFACE_DOWN, f"interface {self._interface} is down or gone: {error}"
            ) from error
        self._taken += len(frames)
        return frames

    def halt(self) -> None:
        """As Source: what has not been read by now is not taken."""
        self._halted = True

    def statistics(self) -> Counters:
        """As Source."""
        return Counters(seen=self._taken)

    def close(self) -> None:
        """As Source."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _ready(self, timeout: float) -> bool:
        return bool(select.select([self._socket], [], [], timeout)[0])

    def _one(self) -> Frame | None:
        _, data, seconds = self._socket.recv_raw(_LONGEST)
        if not data:
            return None
        return self._screen.take((round((seconds or 0.0) * 1e9), len(data), bytes(data)))


def _scapy() -> Any:
    """Scapy's configuration, with interfaces and sockets of this platform."""
    import scapy.arch  # noqa: PLC0415 - it takes 0.3 s, so only where it is used
    import scapy.interfaces  # noqa: F401, PLC0415
    from scapy.config import conf  # noqa: PLC0415

    return conf
