"""A capture's live file, from the gateway into Wireshark's fifo."""

import http.client
import time
from io import FileIO

from .calls import Body, Gateway
from .errors import Away, PluginError
from .stopping import Stopping

_PIECE = 1 << 16
_PATIENCE = 30.0
"""Seconds in which a lost gateway should be back."""


def send_file(gateway: Gateway, session: str, fifo: FileIO, stopping: Stopping) -> None:
    """Send the file until the capture ends or Wireshark stops. Raises PluginError.

    The file of a capture always has the same bytes: after a lost connection it is read again, and
    what Wireshark has already is left out.
    """
    target = _Fifo(fifo)
    lost_at = time.monotonic()
    while not stopping.asked:
        sent = target.sent
        try:
            _send_once(gateway, session, target, stopping)
            _check_end(gateway, session)
            return
        except BrokenPipeError:
            return  # Wireshark has stopped reading
        except (OSError, http.client.HTTPException, Away) as error:
            lost_at = time.monotonic() if target.sent > sent else lost_at
            if time.monotonic() - lost_at > _PATIENCE:
                raise PluginError(f"the packets of {session} ceased to come: {error}") from None
        stopping.pause(0.5)


class _Fifo:
    """Where the file goes: each of its bytes once."""

    def __init__(self, fifo: FileIO) -> None:
        self._fifo = fifo
        self._at = 0
        self.sent = 0

    def rewind(self) -> None:
        """The file comes from its beginning again."""
        self._at = 0

    def write(self, piece: bytes) -> None:
        """Send what was not sent before. Raises BrokenPipeError."""
        new = memoryview(piece)[max(0, self.sent - self._at) :]
        self._at += len(piece)
        while new:
            written = self._fifo.write(new) or 0
            self.sent += written
            new = new[written:]


def _send_once(gateway: Gateway, session: str, target: _Fifo, stopping: Stopping) -> None:
    target.rewind()
    body: Body = gateway.stream(f"/v1/captures/{session}/pcapng?live=1")
    try:
        stopping.cuts(body.cut)
        while piece := body.read(_PIECE):
            target.write(piece)
    finally:
        body.close()


def _check_end(gateway: Gateway, session: str) -> None:
    """Raises PluginError where the capture ended otherwise than asked or by its limits."""
    capture = gateway.call("GET", f"/v1/captures/{session}")
    reason = capture.get("stop_reason")
    if reason in ("error", "agent-lost", "agent-restarted", "agent-shutdown"):
        detail = (capture.get("error") or {}).get("detail")
        raise PluginError(f"{session} ended: {detail or reason}")
