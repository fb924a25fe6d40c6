"""A TCP proxy for tests that are not asynchronous: it runs in a thread of its own."""

import asyncio
import threading
from types import TracebackType
from typing import Self

from tests.support.proxy import TcpProxy


class ProxyThread:
    """Forwards to a port of the loopback interface until it is left."""

    def __init__(self, target: int) -> None:
        self.proxy = TcpProxy(target)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    @property
    def port(self) -> int:
        """Where clients connect."""
        return self.proxy.port

    def cut(self) -> None:
        """Close the connections that are open now."""
        self._loop.call_soon_threadsafe(self.proxy.cut)

    def stall(self) -> None:
        """Connections that are open now stay open and carry nothing."""
        self._loop.call_soon_threadsafe(self.proxy.stall)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.proxy.__aenter__(), self._loop).result(10)
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self.proxy.__aexit__(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
