"""An HTTP server inside a service."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn

from services.runtime.errors import BadSetting

_DRAIN_SECONDS = 3
_DEAD_AFTER = (
    (socket.TCP_KEEPIDLE, 20),
    (socket.TCP_KEEPINTVL, 10),
    (socket.TCP_KEEPCNT, 4),
    (socket.TCP_USER_TIMEOUT, 60_000),
)
"""A peer that is gone without a word is noticed within a minute (tcp(7)), whether anything is sent
or not; connections inherit it from the listening socket."""


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the life cycle's, not this server's."""
        yield


def listen(host: str, port: int, variable: str = "") -> socket.socket:
    """A socket that listens. Raises BadSetting where the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named, or asyncio would leave Nagle's delay on for what is accepted here.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _DEAD_AFTER:
        listener.setsockopt(socket.IPPROTO_TCP, option, value)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise BadSetting(_refusal(host, port, variable, error)) from None
    listener.setblocking(False)
    return listener


@asynccontextmanager
async def serve_http(app: Any, host: str, port: int, variable: str = "") -> AsyncIterator[int]:
    """Serve an ASGI application; gives the port, which is another than `port` where that is 0.

    `variable` is the setting to name when the port is taken. On leaving, requests under way have
    a few seconds to end.
    """
    listener = listen(host, port, variable)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield int(listener.getsockname()[1])
    finally:
        server.should_exit = True
        await task
        listener.close()


def _refusal(host: str, port: int, variable: str, error: OSError) -> str:
    advice = f"; set {variable} to a free port" if variable else ""
    who = " (`capflow doctor` sees who has this one)" if error.errno == errno.EADDRINUSE else ""
    return f"cannot listen on {host}:{port}: {error.strerror}{advice}{who}"
