"""One packet with all that can be read of it: the answer of `GET …/packets/{number}`."""

from contracts.model import Message
from contracts.names import SessionName


class PacketField(Message):
    """One field of a layer."""

    name: str
    """Its name; of a packet within a field, as `qd[0].qname`."""
    offset: int | None
    """Bytes of the packet before it; None where it is not in the packet as it stands."""
    length: int | None
    """How many bytes it lies in; two fields of a few bits may share one."""
    value: int | str | None
    """The raw value: an integer, text, or bytes in hex; cut where it is long."""
    shown: str
    """The value as people read it; nothing in it is unprintable."""


class PacketLayer(Message):
    """One layer of a packet, outermost first."""

    name: str
    offset: int | None
    length: int | None
    """Bytes of its header, without the layers it carries."""
    fields: list[PacketField]


class PacketLine(Message):
    """A packet in one line, as lists show it."""

    source: str
    destination: str
    protocol: str
    info: str


class PacketDetails(Message):
    """One packet, taken apart."""

    session: SessionName
    number: int
    time: str
    """Seconds since 1970 with nine decimals."""
    length: int
    """Bytes on the wire."""
    captured: int
    """Bytes in `data`."""
    summary: PacketLine
    data: str
    """The captured bytes, base64."""
    layers: list[PacketLayer]
    """None where the packet could not be taken apart; `note` says why."""
    note: str | None = None
    """What is not in the answer, and why."""
