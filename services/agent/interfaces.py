"""The host's network interfaces (netdevice(7)): which are up, and what their frames look like."""

import fcntl
import socket
import struct

from services.agent.failures import NO_SUCH_INTERFACE, UNKNOWN_LINKTYPE, CaptureFailed
from services.packets import linktypes

_SIOCGIFFLAGS = 0x8913
_SIOCGIFHWADDR = 0x8927
_IFF_UP = 1 << 0
_IFF_LOOPBACK = 1 << 3
_REQUEST = struct.Struct("@16sH22x")


def interfaces_up() -> list[str]:
    """The names of the interfaces that are up, in the kernel's order."""
    return [name for _, name in sorted(socket.if_nameindex()) if _is_up(name)]


def is_loopback(interface: str) -> bool:
    """Whether it is a loopback interface, which shows each packet leaving and coming back."""
    return bool(_ask(_SIOCGIFFLAGS, interface) & _IFF_LOOPBACK)


def linktype(interface: str) -> int:
    """The LINKTYPE_ number of its frames. Raises CaptureFailed where there is no such interface,
    or no link type for what its frames are."""
    try:
        hardware = _ask(_SIOCGIFHWADDR, interface)
    except OSError:
        raise CaptureFailed(
            NO_SUCH_INTERFACE, f"there is no interface {interface} on this host"
        ) from None
    known = linktypes.of_arphrd(hardware)
    if known is None:
        raise CaptureFailed(
            UNKNOWN_LINKTYPE,
            f"the frames of interface {interface} (hardware type {hardware}) have no link type "
            "that Capflow knows; capture on the interface below or above it",
        )
    return known


def _is_up(name: str) -> bool:
    try:
        return bool(_ask(_SIOCGIFFLAGS, name) & _IFF_UP)
    except OSError:
        return False  # it went between listing and asking


def _ask(request: int, interface: str) -> int:
    """The 16-bit answer of an interface ioctl."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as anything:
        name = interface.encode()[:15]
        answer = fcntl.ioctl(anything, request, _REQUEST.pack(name, 0))
    return int(_REQUEST.unpack(answer)[1])
