"""A block of packets, as agents store it and streamers pass it on."""

from dataclasses import dataclass

MAX_BLOCK_BYTES = 1 << 20
"""The most a block's `data` may take."""


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive packets of one capture, framed once as pcapng Enhanced Packet Blocks.

    Packets are numbered from 0 as they are read from the ring, blocks from 0 as they are admitted
    to the store: `block` has no hole, and a jump in `first` is what the agent lost.
    """

    session: str
    block: int
    first: int
    """Number of the first packet."""
    count: int
    first_ts: int
    """Capture time of the first packet, in nanoseconds since 1970."""
    last_ts: int
    size: int
    """Captured bytes, without the framing; `bytes` in the store."""
    dropped: int
    """Running total of the kernel's drops."""
    data: bytes
    """Enhanced Packet Blocks, little-endian, nanoseconds."""

    @property
    def next(self) -> int:
        """Number of the packet after the last one."""
        return self.first + self.count

    @property
    def id(self) -> str:
        """The block's name in the store; the same block is the same name, so it is stored once."""
        return block_id(self.session, self.block)


def block_id(session: str, block: int) -> str:
    """`<session>#<block, 10 digits>`: in the order of the numbers."""
    return f"{session}#{block:010d}"
