"""Messages of the WebSocket `/v1/stream`: JSON text frames, told apart by `type`."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, TypeAdapter

from contracts.ledger import Ledger
from contracts.model import Message, Request, Text
from contracts.names import SessionName
from contracts.spool import Spool
from contracts.task import Capture, StopReason, TaskState

STREAM_PATH = "/v1/stream"


class ClientSession(Request):
    """Names the capture to watch, and shows the right to."""

    type: Literal["session"]
    session: SessionName
    ticket: Annotated[str, Field(max_length=4096)]


class ClientStart(Request):
    """Lets packets flow."""

    type: Literal["start"]
    from_: Annotated[Literal["live", "beginning"] | int, Field(alias="from")] = "live"
    """`live`, `beginning`, or the number of the first packet wanted."""
    format: Literal["json", "pcapng"] = "json"
    filter: Text = ""
    raw: bool = False
    """JSON only: whether each packet has its bytes as `data`, base64."""


class ClientStop(Request):
    """Ends this viewer's flow, not the capture; `start` may follow."""

    type: Literal["stop"]


ClientMessage = Annotated[ClientSession | ClientStart | ClientStop, Discriminator("type")]
CLIENT_MESSAGE: TypeAdapter[ClientSession | ClientStart | ClientStop] = TypeAdapter(ClientMessage)


class SessionInfo(Message):
    """Answers `session`."""

    type: Literal["session"] = "session"
    capture: Capture


class Started(Message):
    """Answers `start`: packets flow from number `first`."""

    type: Literal["started"] = "started"
    session: SessionName
    first: int


class Stopped(Message):
    """Answers `stop`."""

    type: Literal["stopped"] = "stopped"
    session: SessionName
    next: int


class PacketSummary(Message):
    """One packet, as a list shows it."""

    number: int
    time: str
    """Seconds since 1970 with nine decimals."""
    length: int
    """Bytes on the wire."""
    source: str
    destination: str
    protocol: str
    info: str
    data: str | None = None
    """The captured bytes, base64, where `raw` was asked for."""


class Packets(Message):
    """A batch: every packet from `first` up to `next`, but those a filter kept back.

    In JSON the packets stand in it; in pcapng the next frame is binary and holds them.
    """

    type: Literal["packets"] = "packets"
    session: SessionName
    first: int
    next: int
    packets: list[PacketSummary] | None = None


GapReason = Literal["slow-viewer", "agent-drop", "expired", "unknown", "kernel-drop"]


class Gap(Message):
    """Packets that this viewer does not get. Kernel drops have no numbers, so no `first`.

    A count of 0, with the reason `unknown` at a capture's end, says that nobody knows whether, and
    how many, packets came after the last one.
    """

    type: Literal["gap"] = "gap"
    first: int | None = None
    count: int
    reason: GapReason


class Status(Message):
    """Once a second, and at each change of state.

    `next` is the number to resume from; `next` less the first number started with is
    `sent` + `filtered` + `skipped` + `missing`.
    """

    type: Literal["status"] = "status"
    state: TaskState
    ledger: Ledger
    spool: Spool | None = None
    """What waits on the agent's disk because the endpoint is away or slow."""
    next: int
    sent: int
    filtered: int
    skipped: int
    missing: int


class End(Message):
    """The last status; after it the server closes with 1000."""

    type: Literal["end"] = "end"
    state: TaskState
    stop_reason: StopReason | None
    ledger: Ledger
    next: int
    sent: int
    filtered: int
    skipped: int
    missing: int


class StreamError(Message):
    """What went wrong; where the connection cannot go on, a close with a code follows."""

    type: Literal["error"] = "error"
    code: str
    detail: str


class CloseCode:
    """WebSocket close codes of our own (4000 to 4999 are private use, RFC 6455 section 7.4.2)."""

    BAD_MESSAGE = 4400
    NOT_AUTHENTICATED = 4401
    NOT_ALLOWED = 4403
    NO_SUCH_SESSION = 4404
    NO_SESSION_MESSAGE = 4408
