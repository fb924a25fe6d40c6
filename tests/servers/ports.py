"""Free TCP ports of the loopback interface."""

import fcntl
import os
import random
import socket
import tempfile
from contextlib import ExitStack
from functools import cache
from pathlib import Path

# Below the kernel's range for outgoing connections: a client that keeps trying the port of a
# server that was killed could otherwise connect to itself and keep the server from coming back.
FIRST, LAST = 15_000, 32_000
_ours: set[int] = set()


def free_ports(count: int) -> list[int]:
    """`count` different ports that are free, and that no other process of tests is given while
    this one lives."""
    with ExitStack() as held:
        return [_bind_any(held.enter_context(socket.socket())) for _ in range(count)]


def answers(port: int) -> bool:
    """Whether somebody accepts connections on `port`."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _bind_any(one: socket.socket) -> int:
    while True:
        port = random.randrange(FIRST, LAST)
        if not _reserve(port):
            continue
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            continue
        return port


def _reserve(port: int) -> bool:
    """Make a port ours until this process ends; false where it is somebody's, or was ours."""
    if port in _ours:
        return False
    try:
        fcntl.lockf(_reservations(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    _ours.add(port)
    return True


@cache
def _reservations() -> int:
    """A file in which each byte is a port; the kernel drops a process's locks when it ends."""
    path = Path(tempfile.gettempdir()) / f"capflow-test-ports-{os.getuid()}"
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
