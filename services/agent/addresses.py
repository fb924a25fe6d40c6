"""Where our own traffic goes: the places in URLs, and their addresses.

Names are looked up here, by the system's resolver; a filter holds addresses only.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

_PORTS = {"amqp": 5672, "amqps": 5671, "mongodb": 27017, "mongodb+srv": 27017}
_ANYWHERE = ("", "*", "0.0.0.0", "::")  # noqa: S104 - compared with, not bound to
LOOKUP_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Place:
    """A host and a TCP port; a host of None is any."""

    host: str | None
    port: int


Lookup = Callable[[str], Awaitable[frozenset[str]]]
"""The IP addresses of a host; none where it cannot be told."""


def places_of(url: str) -> list[Place]:
    """The places that a bus or endpoint URL leads to; none of what stays in this process.

    The members behind a `mongodb+srv` name are not in the URL, so it stands for its port anywhere.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS:
        return []
    port = _PORTS[parts.scheme]
    if parts.scheme == "mongodb+srv":
        return [Place(None, port)]
    hosts = parts.netloc.rpartition("@")[2].split(",")
    return [place_of(host, port) for host in hosts]


def place_of(text: str, default_port: int = 0) -> Place:
    """The place that `host`, `host:port`, `[address]:port` or `*:port` means."""
    host, colon, port = text.strip().rpartition(":")
    if not colon or text.rstrip().endswith("]"):
        host, port = text.strip(), str(default_port)
    bare = host.strip("[]")
    return Place(None if bare in _ANYWHERE else bare, int(port))


async def look_up(host: str) -> frozenset[str]:
    """The addresses of `host` by the system's resolver; none when it does not say in time."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(LOOKUP_SECONDS):
            found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError, UnicodeError):
        return frozenset()
    return frozenset(str(entry[4][0]).partition("%")[0] for entry in found)


def is_local(address: str) -> bool:
    """Whether the address is one of this host's own: whether a socket can be bound to it."""
    family = socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True
