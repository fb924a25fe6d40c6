"""The spool: what waits on an agent's disk while an endpoint is away or slow."""

from typing import Annotated

from pydantic import Field

from contracts.ledger import Count
from contracts.model import Message


class Spool(Message):
    """The figures of one capture's part of the spool, or of an agent's whole spool."""

    bytes: Count = 0
    """Bytes of its files."""
    packets: Count = 0
    """Packets that wait in them."""
    room: Count = 0
    """Bytes that the agent's spool can still take, for all captures together."""
    dropped: Count = 0
    """Packets dropped, the newest, because spool and memory were full; in `dropped_agent` too."""
    damaged: Count = 0
    """Packets lost in records that could not be read back; in `dropped_agent` too."""
    oldest: Annotated[float, Field(ge=0)] = 0.0
    """Seconds that the oldest block has waited, in memory or on disk."""
