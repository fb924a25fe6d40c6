"""The ledger: counts that account for every packet of a capture, hop by hop."""

from typing import Annotated

from pydantic import Field

from contracts.model import Message

Count = Annotated[int, Field(ge=0, lt=2**63)]


class Ledger(Message):
    """The counts of one capture. Packets, but for `blocks` and `bytes` (captured bytes)."""

    seen: Count = 0
    """Packets that passed the kernel's filter, by the kernel's own counter."""
    captured: Count = 0
    """Packets read from the ring within the limits; each has a number."""
    dropped_kernel: Count = 0
    """Packets the kernel had no room for in the ring, by its own counter."""
    beyond_limit: Count = 0
    """Packets that were in the ring when a limit was reached."""
    dropped_agent: Count = 0
    """Numbered packets that the agent could not keep for the endpoint."""
    stored: Count = 0
    """Packets the endpoint has acknowledged."""
    blocks: Count = 0
    """Blocks the endpoint has acknowledged."""
    bytes: Count = 0
    """Captured bytes the endpoint has acknowledged."""

    def closes(self) -> bool:
        """Whether both sums hold, as they must at the end of every capture."""
        taken = self.captured + self.dropped_kernel + self.beyond_limit
        return self.seen == taken and self.captured == self.stored + self.dropped_agent
