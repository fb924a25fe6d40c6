"""What `capflow tail` does with each event: lines, JSON or a file, and the counts at the end."""

import json
from collections.abc import Sequence
from typing import BinaryIO, Protocol, TextIO

from contracts.stream import End, Gap, Packets, PacketSummary, Status
from services.client.conversation import Blocks, Event, Header, Lost
from services.client.file_blocks import first_blocks
from services.client.ledger_text import end_line, ledger_lines, viewer_line
from services.client.output import note
from services.client.packet_lines import gap_line, packet_line


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

    def packets(self, packets: Sequence[PacketSummary]) -> None:
        """Show packets; flushed at once, since a person waits."""
        self._out.writelines(f"{packet_line(packet)}\n" for packet in packets)
        self._out.flush()

    def data(self, data: bytes) -> None:
        """Text has no use for pcapng."""

    def gap(self, gap: Gap) -> None:
        """Show a hole in its place."""
        self._out.write(f"-- {gap_line(gap)}\n")
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

    def __init__(self, output: Output, count: int | None = None) -> None:
        self._output = output
        self._room = count
        self._last: Status | End | None = None

    def take(self, event: Event) -> bool:
        """Show an event; whether to go on."""
        if isinstance(event, Packets):
            self._packets(event.packets or [])
        elif isinstance(event, Header):
            self._output.data(event.data)
        elif isinstance(event, Blocks):
            self._blocks(event.data)
        elif isinstance(event, Gap):
            self._output.gap(event)
        elif isinstance(event, Lost):
            note(f"{event.reason}; going on at packet {event.next}")
        elif isinstance(event, End | Status):
            self._last = event
        if isinstance(event, End):
            self._output.end(event)
        return self._room is None or self._room > 0

    def finish(self, next: int | None) -> None:
        """Say where every packet is, as far as the streamer has said."""
        if isinstance(self._last, End):
            note(viewer_line(self._last))
        elif next is not None:
            note(f"the capture goes on; so does this, with --from {next}. Until now:")
        for line in ledger_lines(self._last.ledger) if self._last else ():
            note(line)
        if isinstance(self._last, End):
            note(end_line(self._last))

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
