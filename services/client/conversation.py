"""What a viewer and a streamer say to each other, without the connection between them.

A conversation outlives its connections: it knows the number to go on from, and gives each packet
once, and the file's headers once.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Discriminator, TypeAdapter, ValidationError

from contracts.stream import (
    ClientSession,
    ClientStart,
    End,
    Gap,
    Packets,
    SessionInfo,
    Started,
    Status,
    Stopped,
    StreamError,
)
from services.client.errors import ViewerRefused

Position = Literal["live", "beginning"] | int
_Known = SessionInfo | Started | Stopped | Packets | Gap | Status | End | StreamError
_MESSAGE: TypeAdapter[_Known] = TypeAdapter(Annotated[_Known, Discriminator("type")])


@dataclass(frozen=True, slots=True)
class Wish:
    """What a viewer wants: the fields of the `start` message."""

    start: Position = "live"
    format: Literal["json", "pcapng"] = "json"
    filter: str = ""
    raw: bool = False


@dataclass(frozen=True, slots=True)
class Header:
    """The pcapng section and interface headers; comes once, before the first blocks."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Blocks:
    """Whole Enhanced Packet Blocks: packets `first` up to `next`, but those filtered."""

    first: int
    next: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection is lost; the viewer comes back and goes on at packet `next`."""

    reason: str
    next: int | None


Event = SessionInfo | Started | Packets | Header | Blocks | Gap | Status | End | Lost


class Conversation:
    """One viewer's side: what to send, and what each frame means."""

    def __init__(self, session: str, wish: Wish) -> None:
        self._session = session
        self._wish = wish
        self._announced: Packets | None = None
        self._headed = False
        self.next: int | None = None
        """Number of the next packet, once it is known."""

    def hello(self, ticket: str) -> str:
        """The first message of a connection."""
        self._announced = None
        fields = {"type": "session", "session": self._session, "ticket": ticket}
        return ClientSession.model_validate(fields).model_dump_json()

    def start(self) -> str:
        """The message that lets packets flow from where this viewer is."""
        wish = self._wish
        fields = {"type": "start", "from": wish.start if self.next is None else self.next}
        fields |= {"format": wish.format, "filter": wish.filter, "raw": wish.raw}
        return ClientStart.model_validate(fields).model_dump_json(by_alias=True)

    def take(self, frame: str | bytes) -> Event | None:
        """What a frame says; None where that is nothing yet. Raises ViewerRefused."""
        if isinstance(frame, bytes):
            return self._binary(frame)
        message = _read(frame)
        if isinstance(message, StreamError):
            raise ViewerRefused(message.code, message.detail)
        if message is None or isinstance(message, Stopped):
            return None
        if isinstance(message, Packets) and message.packets is None:
            self._announced = message  # counts only when its frame has come
            return None
        self._advance(message)
        return message

    def _binary(self, frame: bytes) -> Event | None:
        announced, self._announced = self._announced, None
        if announced is not None:
            self.next = announced.next
            return Blocks(announced.first, announced.next, frame)
        again, self._headed = self._headed, True
        return None if again else Header(frame)

    def _advance(self, message: _Known) -> None:
        if isinstance(message, Packets):
            self.next = message.next
        elif isinstance(message, Started) and self.next is None:
            self.next = message.first
        elif isinstance(message, Gap) and message.first is not None:
            self.next = max(self.next or 0, message.first + message.count)


def _read(frame: str) -> _Known | None:
    """The message in a text frame; None for a type that a newer streamer may know."""
    try:
        return _MESSAGE.validate_json(frame)
    except ValidationError as error:
        if error.errors()[0]["type"] == "union_tag_invalid":
            return None

        detail = f"the streamer sent what this viewer cannot read: {error}"
        raise ViewerRefused("bad-message", detail) from None
