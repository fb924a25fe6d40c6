"""The stop of Wireshark, and what follows it: the stop of the capture."""

import select
import signal
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from .calls import Gateway
from .errors import Away, PluginError, Refused

DRAIN = 5.0
"""Seconds in which the last packets of a stopped capture should have come."""
_TRIES = 3


class Stopping:
    """Hears that Wireshark stops, by a signal or by the fifo's reader going away.

    The capture is then stopped from a thread of its own, while its last packets still flow. When
    they do not come in time, or the capture is to go on, the reading of them is cut.
    """

    def __init__(self, gateway: Gateway, fifo: int) -> None:
        self._gateway = gateway
        self._fifo = fifo
        self._asked = threading.Event()
        self._decided = threading.Event()
        self._over = threading.Event()
        self._session: str | None = None
        self._error: PluginError | None = None
        self._cut: Callable[[], None] | None = None
        self._stopper = threading.Thread(target=self._stop_when_asked, daemon=True)

    def __enter__(self) -> Self:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._asked.set())
        self._stopper.start()
        threading.Thread(target=self._watch_fifo, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        for event in (self._over, self._decided, self._asked):
            event.set()
        self._stopper.join()
        if kind is None and self._error:
            raise self._error

    @property
    def asked(self) -> bool:
        """Whether Wireshark has stopped."""
        return self._asked.is_set()

    def ends(self, session: str) -> None:
        """Let a capture end with Wireshark."""
        self._session = session
        self._decided.set()

    def spares(self) -> None:
        """Let the capture go on when Wireshark stops."""
        self._decided.set()

    def cuts(self, cut: Callable[[], None]) -> None:
        """What ends the reading of packets."""
        self._cut = cut

    def pause(self, seconds: float) -> None:
        """Wait, but not longer than until Wireshark stops."""
        self._asked.wait(seconds)

    def _watch_fifo(self) -> None:
        poll = select.poll()
        poll.register(self._fifo, 0)  # an error is always told: the reader has gone
        poll.poll()
        self._asked.set()

    def _stop_when_asked(self) -> None:
        self._asked.wait()
        self._decided.wait()
        if self._session:
            self._stop(self._session)
            self._over.wait(DRAIN)
        if self._cut and not self._over.is_set():
            self._cut()

    def _stop(self, session: str) -> None:
        for _ in range(_TRIES):
            try:
                self._gateway.call("POST", f"/v1/captures/{session}/stop", timeout=DRAIN)
            except (Away, Refused) as error:
                self._error = PluginError(
                    f"{session} could not be stopped: {error}."
                    " It ends by itself soon after, since nobody watches it"
                )
                time.sleep(0.3)
            else:
                self._error = None
                return
