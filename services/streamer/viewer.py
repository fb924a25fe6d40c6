"""One viewer: what it says is carried out, and it is told what it watches."""

from dataclasses import dataclass

from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from contracts.stream import (
    ClientStart,
    SessionInfo,
    Started,
    Stopped,
    StreamError,
)
from contracts.stream import CloseCode as Ours
from services.packets.filters import FilterCompiler, FilterRefused
from services.runtime import logs
from services.runtime.errors import CapflowError, Unavailable
from services.runtime.tickets import TicketRefused, Tickets
from services.streamer.accounting import Account
from services.streamer.catchup import BadPosition, Reader, locate
from services.streamer.channel import Channel
from services.streamer.delivery import Delivery
from services.streamer.encode import Shape, message
from services.streamer.flow import Flow
from services.streamer.hub import Hub, NoSuchSession
from services.streamer.leases import Leases
from services.streamer.ledgers import Ledgers
from services.streamer.line import Line
from services.streamer.metrics import Metrics
from services.streamer.pages import Pages
from services.streamer.protocol import Action, Begin, Cease, Enter, Protocol, Refuse, bad_position
from services.streamer.warden import Warden


@dataclass(frozen=True, slots=True)
class House:
    """What all viewers share."""

    hub: Hub
    pages: Pages
    tickets: Tickets
    compiler: FilterCompiler
    leases: Leases
    ledgers: Ledgers
    warden: Warden
    metrics: Metrics


class Viewer:
    """A connection, from its first message to its end."""

    def __init__(self, line: Line, house: House) -> None:
        self._line = line
        self._house = house
        self._protocol = Protocol()
        self._channel: Channel | None = None
        self._flow: Flow | None = None
        self._account: Account | None = None
        self._status_due = False

    async def talk(self) -> None:
        """Do what the client says until the connection ends."""
        self._line.resumed = self.resumed
        try:
            while self._line.is_open:
                frame = await self._line.recv()
                await self._do(self._protocol.receive(frame))
                await self._line.drain()  # who does not take its answers is not listened to
        except ConnectionClosed:
            return
        except Exception:
            logs.get("streamer").exception("a viewer's connection broke")
            self._line.end(CloseCode.INTERNAL_ERROR, "the streamer failed; see its log")
        finally:
            self._leave()

    # --- as its channel sees it ---

    def pump(self) -> None:
        """Send what there is to send."""
        if self._flow is not None:
            self._flow.pump()

    def replay(self) -> None:
        """Blocks have passed unseen: read on from the store."""
        if self._flow is not None:
            self._flow.start()

    def tick(self) -> None:
        """Tell the status, now or as soon as the client has taken what waits for it."""
        if self._flow is not None:
            self._flow.tick()
        self._status_due = not self._line.writable
        if not self._status_due:
            self._tell_status()

    def vanished(self) -> None:
        """The session was removed from the store."""
        if self._flow is not None and not self._flow.over:
            self._flow.pump()
        else:
            self._refuse(_no_such_session())

    def resumed(self) -> None:
        """The client has taken what waited for it."""
        if self._status_due:
            self.tick()
        else:
            self.pump()

    def farewell(self) -> None:
        """Tell where the viewer may go on: this streamer stops."""
        if self._flow is not None:
            self._flow.stop()
        self._tell_status()

    # --- what the client asks ---

    async def _do(self, action: Action) -> None:
        match action:
            case Enter():
                await self._enter(action)
            case Begin(start):
                await self._begin(start)
            case Cease():
                self._cease()
            case Refuse():
                self._refuse(action)

    async def _enter(self, action: Enter) -> None:
        self._house.warden.welcome(self._line)
        try:
            self._house.tickets.verify(action.ticket, action.session)
            channel = await self._house.hub.enter(action.session)
        except TicketRefused:
            detail = "the ticket is out of date, forged or for another session: ask for a new one"
            self._refuse(Refuse("not-authenticated", detail, Ours.NOT_AUTHENTICATED))
        except NoSuchSession:
            self._refuse(_no_such_session())
        except Unavailable as error:
            self._refuse(Refuse("unavailable", str(error), CloseCode.TRY_AGAIN_LATER))
        else:
            self._join(channel)

    def _join(self, channel: Channel) -> None:
        if not self._line.is_open:
            return
        self._channel = channel
        channel.members.add(self)
        self._house.metrics.viewers.inc()
        self._house.leases.hurry()
        if not channel.reported:
            self._house.ledgers.hurry()
        capture = channel.capture.model_copy(update={"ledger": channel.ledger})
        self._line.put((message(SessionInfo(capture=capture)),))
        self._tell_status()

    async def _begin(self, start: ClientStart) -> None:
        refusal: Refuse
        try:
            await self._start_flow(start)
            return
        except FilterRefused as error:
            refusal = Refuse("invalid-filter", str(error))
        except BadPosition as error:
            refusal = bad_position(str(error))
        except CapflowError as error:
            refusal = Refuse("unavailable", str(error))
        self._protocol.ceased()
        self._refuse(refusal)

    async def _start_flow(self, start: ClientStart) -> None:
        assert self._channel is not None
        channel, house = self._channel, self._house
        shape = Shape(start.format, start.raw and start.format == "json", start.filter.strip())
        if shape.filter:
            await house.compiler.compile(shape.filter, channel.linktype)
        account = await locate(channel, house.pages, start.from_)
        delivery = Delivery(self._line, channel, shape, account, house.compiler, house.metrics)
        reader = Reader(channel, house.pages)
        self._account = account
        self._flow = Flow(channel, account, delivery, reader, self._failed)
        self._line.put((message(Started(session=channel.session, first=account.first)),))
        self._flow.start()

    def _failed(self, code: str, detail: str) -> None:
        self._protocol.ceased()
        self._refuse(Refuse(code, detail))

    def _cease(self) -> None:
        assert self._channel is not None
        if self._flow is not None:
            self._flow.stop()
            self._flow = None
        next = self._account.next if self._account is not None else self._channel.next
        self._line.put((message(Stopped(session=self._channel.session, next=next)),))

    def _refuse(self, refusal: Refuse) -> None:
        self._house.metrics.refused.labels(refusal.code).inc()
        self._line.put((message(StreamError(code=refusal.code, detail=refusal.detail)),))
        if refusal.close is not None:
            self._line.end(refusal.close, refusal.detail)

    def _tell_status(self) -> None:
        if self._channel is not None:
            self._line.put((self._channel.status(self._account),))

    def _leave(self) -> None:
        if self._flow is not None:
            self._flow.drop()
        if self._channel is not None:
            self._channel.members.discard(self)
            self._house.metrics.viewers.dec()


def _no_such_session() -> Refuse:
    return Refuse("unknown-capture", "no such session is stored", Ours.NO_SUCH_SESSION)
