"""What `capflow tail` does with each event: lines, JSON or a file, and the counts at the end."""

import json
from collections.abc import Sequence
from typing import BinaryIO, Protocol, TextIO

import click

from contracts.ledger import Ledger
from contracts.stream import End, Gap, Packets, PacketSummary, SessionInfo, Status
from services.client.conversation import Blocks, Event, Header, Lost
from services.client.file_blocks import first_blocks
from services.client.ledger_text import end_line, ledger_lines, viewer_line
from services.client.output import coloured, note, size
from services.client.packet_lines import gap_line, packet_line
from services.client.progress import Progress


class Output(Protocol):
    """Where packets go."""

    def packets(self, packets: Sequence[PacketSummary]) -> None:
        """Show packets."""

    def data(self, data: bytes) -> None:
        """Write pcapng as it is."""

    def gap(self, gap: Gap) -> None:
        """Show a hole."""

    def end(self, end: End) -> None:
        """Show the end."""


class TextLines:
    """A line a packet."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._coloured = coloured(out)

    def packets(self, packets: Sequence[PacketSummary]) -> None:
        """Show packets; flushed at once, since a person waits."""
        self._out.writelines(f"{packet_line(packet, self._coloured)}\n" for packet in packets)
        self._out.flush()

    def data(self, data: bytes) -> None:
        """Text has no use for pcapng."""

    def gap(self, gap: Gap) -> None:
        """Show a hole in its place."""
        line = f"-- {gap_line(gap)}"
        self._out.write(f"{click.style(line, fg='yellow') if self._coloured else line}\n")
        self._out.flush()

    def end(self, end: End) -> None:
        """The summary on standard error says it."""


class JsonLines:
    """An object a line, with `type` `packet`, `gap` or `end`."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def packets(self, packets: Sequence[PacketSummary]) -> None:
        """Show packets."""
        for packet in packets:
            fields = {"type": "packet"} | packet.model_dump(exclude_none=True)
            self._out.write(json.dumps(fields) + "\n")
        self._out.flush()

    def data(self, data: bytes) -> None:
        """JSON has no use for pcapng."""

    def gap(self, gap: Gap) -> None:
        """Show a hole in its place."""
        self._out.write(gap.model_dump_json() + "\n")
        self._out.flush()

    def end(self, end: End) -> None:
        """Show the end with its ledger."""
        self._out.write(end.model_dump_json() + "\n")
        self._out.flush()


class PacketFile:
    """A pcapng file, which other programs may read while it grows."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def packets(self, packets: Sequence[PacketSummary]) -> None:
        """A file has no use for summaries."""

    def data(self, data: bytes) -> None:
        """Write pcapng; flushed at once, since another program waits."""
        self._out.write(data)
        self._out.flush()

    def gap(self, gap: Gap) -> None:
        """Tell a hole beside the file."""
        note(gap_line(gap))

    def end(self, end: End) -> None:
        """The summary on standard error says it."""


class Tail:
    """One viewing: hands events to the output and knows when it is enough."""

    def __init__(self, output: Output, count: int | None, progress: Progress) -> None:
        self._output = output
        self._room = count
        self._progress = progress
        self._last: Status | End | None = None
        self._lost = False
        self._begun = False

    def take(self, event: Event) -> bool:
        """Show an event; whether to go on."""
        if isinstance(event, Lost):
            self._lose(event)
            return True
        if self._lost:
            self._lost = False
            note("connected again")
        match event:
            case SessionInfo():
                self._begin(event)
            case Packets():
                self._packets(event.packets or [])
            case Header():
                self._output.data(event.data)
            case Blocks():
                self._blocks(event.data)
            case Gap():
                self._output.gap(event)
            case Status() | End():
                self._tell(event)
        return self._room is None or self._room > 0

    @property
    def ended(self) -> bool:
        """Whether the capture's end has come."""
        return isinstance(self._last, End)

    def finish(self, next: int | None, ledger: Ledger | None) -> None:
        """Say where every packet is: at the end, or as far as the agent has reported."""
        if isinstance(self._last, End):
            note(viewer_line(self._last))
            ledger = self._last.ledger
        elif next is not None:
            note(f"the capture goes on; so does this, with --from {next}. Its last report:")
        for line in ledger_lines(ledger) if ledger else ():
            note(line)
        if isinstance(self._last, End):
            note(end_line(self._last))

    def _begin(self, info: SessionInfo) -> None:
        """Say what is watched, as tcpdump does; once, however often the connection is lost."""
        if self._begun:
            return
        self._begun = True
        capture = info.capture
        filter = f", filter {capture.filter_in_force}" if capture.filter_in_force else ""
        note(
            f"{capture.session} {capture.state}, interface"
            f" {capture.interface or capture.service}{filter}"
        )

    def _lose(self, event: Lost) -> None:
        if not self._lost:
            self._lost = True
            where = "" if event.next is None else f"; going on at packet {event.next}"
            note(f"{event.reason}; trying again{where}")

    def _tell(self, status: Status | End) -> None:
        self._last = status
        self._progress.reached(
            status.next,
            status.ledger.stored + status.ledger.dropped_agent,
            f"{status.next} of {status.ledger.stored} packets, {size(status.ledger.bytes)} stored",
        )
        if isinstance(status, End):
            self._output.end(status)

    def _packets(self, packets: Sequence[PacketSummary]) -> None:
        shown = packets[: self._room]
        self._output.packets(shown)
        self._count(len(shown))

    def _blocks(self, data: bytes) -> None:
        if self._room is not None:
            data, count = first_blocks(data, self._room)
            self._count(count)
        self._output.data(data)

    def _count(self, shown: int) -> None:
        if self._room is not None:
            self._room -= shown
