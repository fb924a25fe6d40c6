"""Blocks and holes told to one viewer, in its shape, and counted."""

from collections.abc import Iterable

from contracts.block import Block
from contracts.model import Message
from contracts.stream import GapReason
from services.packets.filters import FilterCompiler
from services.packets.pcapng import Malformed
from services.packets.program import Program
from services.runtime import logs
from services.streamer.accounting import Account, Hole
from services.streamer.channel import Channel
from services.streamer.encode import Batch, Shape, encode, file_header, message, no_packets
from services.streamer.gaps import Gaps
from services.streamer.line import Line
from services.streamer.metrics import Metrics
from services.streamer.ring import Entry, Holder


class Delivery:
    """What one viewer is sent.

    A range from which the filter keeps all is told with what follows it, or within a second.
    """

    def __init__(
        self,
        line: Line,
        channel: Channel,
        shape: Shape,
        account: Account,
        compiler: FilterCompiler,
        metrics: Metrics,
    ) -> None:
        self.line = line
        self._channel = channel
        self._shape = shape
        self._account = account
        self._compiler = compiler
        self._metrics = metrics
        self._gaps = Gaps()
        self._program: Program | None = None
        self._headed = False
        self._counted = 0, 0
        self._quiet: tuple[int, int] | None = None
        """A range (first, next) that was filtered, and not yet told."""

    async def prepare(self) -> None:
        """Compile the filter for the capture's link type. Raises FilterRefused."""
        if self._shape.filter:
            self._program = await self._compiler.compile(self._shape.filter, self._channel.linktype)

    def deliver(self, entry: Entry, holder: Holder) -> None:
        """Send the next block; its batches are shared by way of the entry's holder."""
        block = entry.block
        if entry.fault is not None:
            self._account.pass_over(block.block)
            self._set_aside(block, entry.fault)
            return
        meeting = self._account.meet(block)
        if meeting is None:
            self._set_aside(block, "its numbers do not follow on those before")
            return
        if meeting.holes:
            self.tell(meeting.holes)
        if meeting.cut >= block.count:
            return
        try:
            batch = self._batch(entry, meeting.cut, holder)
        except Malformed as error:
            self._set_aside(block, str(error))
            self.tell(self._account.miss(block.next, "unknown"))
            return
        self._send(batch)

    def tell(self, holes: Iterable[Hole]) -> None:
        """Tell holes, now or within a second."""
        holes = tuple(holes)
        if not holes:
            return
        for hole in holes:
            self._metrics.gaps.labels(hole.reason).inc(hole.packets)
        self._gaps.note(holes)
        self.tell_due()

    def tell_due(self) -> None:
        """Tell what has waited long enough."""
        self._count()
        self._tell_quiet()
        for gap in self._gaps.due(self._now()):
            self.say(gap)

    def flush(self) -> None:
        """Tell all that is known, because nothing comes after."""
        self._count()
        self._tell_quiet()
        for gap in self._gaps.all(self._now()):
            self.say(gap)

    def may_tell(self, reason: GapReason) -> bool:
        """Whether a gap of this reason may be told now."""
        return self._gaps.may_tell(reason, self._now())

    def say(self, what: Message) -> None:
        """Send a message."""
        self.line.put((message(what),))

    def _send(self, batch: Batch) -> None:
        if batch.frames:
            self._tell_quiet()
            self._tell_header()
            self.line.put(batch.frames)
        first = self._account.next
        self._account.deliver(batch.sent, batch.filtered)
        if not batch.frames:
            begun = self._quiet[0] if self._quiet else first
            self._quiet = (begun, self._account.next)

    def _batch(self, entry: Entry, cut: int, holder: Holder) -> Batch:
        shared = None if cut else entry.batches.get(self._shape)
        if shared is not None:
            return shared
        batch = encode(entry.block, cut, self._shape, self._program, self._channel.linktype)
        if not cut:
            holder.share(entry, self._shape, batch)
        return batch

    def _tell_header(self) -> None:
        if self._shape.format == "pcapng" and not self._headed:
            self._headed = True
            self.line.put((file_header(self._channel.capture, self._channel.linktype),))

    def _tell_quiet(self) -> None:
        if self._quiet is not None:
            (first, next), self._quiet = self._quiet, None
            self._tell_header()
            self.line.put(no_packets(self._channel.session, first, next, self._shape))

    def _count(self) -> None:
        """Add to the metrics what was sent since the last time: not for every block."""
        sent, filtered = self._counted
        self._counted = self._account.sent, self._account.filtered
        self._metrics.sent.inc(self._counted[0] - sent)
        self._metrics.filtered.inc(self._counted[1] - filtered)

    def _set_aside(self, block: Block, reason: str) -> None:
        self._metrics.set_aside.inc()
        logs.get("streamer").warning("a block was set aside", block=block.id, reason=reason)

    def _now(self) -> float:
        return self.line.loop.time()
