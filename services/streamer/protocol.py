"""What a client says, and what follows from it: frames in, actions out. No I/O."""

from dataclasses import dataclass
from enum import Enum, auto

from pydantic import ValidationError

from contracts.stream import (
    CLIENT_MESSAGE,
    ClientSession,
    ClientStart,
    ClientStop,
    CloseCode,
)

MAX_NUMBER = 2**63
Message = ClientSession | ClientStart | ClientStop


class BadMessage(Exception):
    """A frame that is no client message; the text names the field and what it may be."""


@dataclass(frozen=True, slots=True)
class Enter:
    """Let the client in to watch a session, if its ticket says so."""

    session: str
    ticket: str


@dataclass(frozen=True, slots=True)
class Begin:
    """Let packets flow."""

    start: ClientStart


@dataclass(frozen=True, slots=True)
class Cease:
    """End the flow."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """Tell the client what is wrong, and close with `close` where it cannot go on."""

    code: str
    detail: str
    close: int | None = None


Action = Enter | Begin | Cease | Refuse


def decode(frame: str | bytes) -> Message:
    """The client message in a frame. Raises BadMessage."""
    if not isinstance(frame, str):
        raise BadMessage("a client sends text frames, not binary ones")
    try:
        return CLIENT_MESSAGE.validate_json(frame, strict=True)
    except ValidationError as error:
        raise BadMessage(_explain(error)) from None


class _Phase(Enum):
    NEW = auto()
    READY = auto()
    FLOWING = auto()


class Protocol:
    """The order in which one client may say things."""

    __slots__ = ("_phase",)

    def __init__(self) -> None:
        self._phase = _Phase.NEW

    def receive(self, frame: str | bytes) -> Action:
        """What to do about a frame."""
        try:
            message = decode(frame)
        except BadMessage as error:
            return _bad(str(error))
        match message:
            case ClientSession():
                return self._session(message)
            case ClientStart():
                return self._start(message)
            case ClientStop():
                return self._stop()

    def ceased(self) -> None:
        """The flow has ended, or never began: `start` may follow."""
        self._phase = _Phase.READY

    def _session(self, message: ClientSession) -> Action:
        if self._phase is not _Phase.NEW:
            return _bad("`session` was sent before: one connection watches one session")
        self._phase = _Phase.READY
        return Enter(message.session, message.ticket)

    def _start(self, message: ClientStart) -> Action:
        if self._phase is _Phase.NEW:
            return _bad("`start` before `session`: name the session first")
        if self._phase is _Phase.FLOWING:
            return Refuse("already-started", "packets flow already: send `stop` first")
        if isinstance(message.from_, int) and not 0 <= message.from_ < MAX_NUMBER:
            return bad_position("`from` must be `live`, `beginning` or a number from 0")
        self._phase = _Phase.FLOWING
        return Begin(message)

    def _stop(self) -> Action:
        if self._phase is _Phase.NEW:
            return _bad("`stop` before `session`: name the session first")
        self._phase = _Phase.READY
        return Cease()


def bad_position(detail: str) -> Refuse:
    """The refusal of a `from` that no packet can have; the client may send another `start`."""
    return Refuse("bad-position", detail)


def _bad(detail: str) -> Refuse:
    return Refuse("bad-message", detail, CloseCode.BAD_MESSAGE)


def _explain(error: ValidationError) -> str:
    problem = error.errors(include_input=False, include_url=False, include_context=False)[0]
    place = problem["loc"][1:2]  # the first part is the message's type
    return f"{place[0]}: {problem['msg']}" if place else problem["msg"]
