"""Free TCP ports of the loopback interface."""

import random
import socket
from contextlib import ExitStack

# Below the kernel's range for outgoing connections: a client that keeps trying the port of a
# server that was killed could otherwise connect to itself and keep the server from coming back.
FIRST, LAST = 15_000, 32_000


def free_ports(count: int) -> list[int]:
    """`count` different ports that were free a moment ago."""
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
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            continue
        return port
