"""One WebSocket connection, written to without waiting and without a task of its own."""

from collections.abc import Callable
from typing import Any, Protocol

from websockets.asyncio.server import ServerConnection
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import OPEN, Event

from services.streamer.liveness import Liveness

MAX_PINGS = 100
"""Pings a client may send between two looks of the warden, a second apart."""
_REASON_BYTES = 120
"""A close frame holds 125 bytes (RFC 6455 section 5.5), two of them the code."""


class Lines(Protocol):
    """Who keeps the connections."""

    def enter(self, line: "Line") -> None:
        """A connection was made."""

    def leave(self, line: "Line") -> None:
        """A connection was lost."""

    def hold(self, line: "Line", size: int) -> None:
        """So many bytes wait in a connection's buffer; 0 when it is writable again."""


class Line(ServerConnection):
    """A connection whose frames are made elsewhere, and may be shared with other connections.

    While the client takes less than it is sent, the line is not `writable`, and calls `resumed`
    when it is again.
    """

    def __init__(self, lines: Lines, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._lines = lines
        self._pings = 0
        self.liveness = Liveness(self.loop.time())
        self.resumed: Callable[[], None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether messages can still be sent."""
        return self.protocol.state is OPEN

    @property
    def writable(self) -> bool:
        """Whether the client has taken nearly all that it was sent."""
        return not self.paused and self.protocol.state is OPEN

    @property
    def waiting(self) -> int:
        """Bytes that the client has not taken yet."""
        return 0 if self.transport.is_closing() else self.transport.get_write_buffer_size()

    def put(self, frames: tuple[bytes, ...]) -> None:
        """Send whole frames; never waits."""
        if self.protocol.state is OPEN:
            self.transport.writelines(frames)

    def end(self, code: int, reason: str = "") -> None:
        """Begin to close; the warden ends what does not close in time."""
        if self.protocol.state is OPEN:
            self.protocol.send_close(code, _fit(reason))
            self.send_data()

    def cut(self) -> None:
        """End the connection at once: its client takes nothing."""
        self.transport.abort()

    def look(self) -> None:
        """Begin another second of counting pings."""
        self._pings = 0

    def ping_now(self) -> None:
        """Ask the client whether it is there; any frame of it is an answer."""
        if self.writable:
            self.protocol.send_ping(b"")
            self.send_data()

    def connection_made(self, transport: Any) -> None:
        """A client has connected."""
        super().connection_made(transport)
        self._lines.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._lines.hold(self, 0)
        self._lines.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """The client has sent something, so it lives."""
        self.liveness.heard = self.loop.time()
        super().data_received(data)

    def process_event(self, event: Event) -> None:
        """Handle one frame; a flood of pings ends the connection."""
        super().process_event(event)
        if not isinstance(event, Frame) or event.opcode is not Opcode.PING:
            return
        self._pings += 1
        if self._pings > MAX_PINGS and self.protocol.state is OPEN:
            self.protocol.fail(CloseCode.PROTOCOL_ERROR, "too many pings")
            self.send_data()

    def pause_writing(self) -> None:
        """The client takes less than it is sent."""
        super().pause_writing()
        self._lines.hold(self, self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """The client has caught up."""
        super().resume_writing()
        self._lines.hold(self, 0)
        if self.resumed is not None:
            self.resumed()


def _fit(reason: str) -> str:
    return reason.encode()[:_REASON_BYTES].decode(errors="ignore")
