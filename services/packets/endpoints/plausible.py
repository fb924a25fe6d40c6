"""What a block must be to be believed: an agent that went wrong must not hurt its readers."""

from contracts.block import MAX_BLOCK_BYTES, Block

MAX_JUMP = 10**9
"""Packets that nobody loses between two blocks: a jump in the numbers this large is no loss."""

MAX_COUNT = MAX_BLOCK_BYTES // 32
"""An Enhanced Packet Block takes 32 bytes at least."""
_BLOCKS = 10**10
MAX_PACKETS = 2**53
"""Packets of one capture: numbers beyond it are no longer exact in JSON."""
_INT64 = 2**63


def fault_of(block: Block) -> str | None:
    """What is wrong with a block by itself, or None."""
    if not 0 <= block.block < _BLOCKS:
        return f"its number is {block.block}, and may be 0 to {_BLOCKS - 1}"
    if not 1 <= block.count <= MAX_COUNT:
        return f"it counts {block.count} packets, and may hold 1 to {MAX_COUNT}"
    if not block.block <= block.first < MAX_PACKETS:
        return f"its first packet is {block.first}, and may be {block.block} to {MAX_PACKETS - 1}"
    if len(block.data) > MAX_BLOCK_BYTES:
        return f"its data takes {len(block.data)} bytes, and may take {MAX_BLOCK_BYTES}"
    return _fault_of_counters(block)


def jumps(block: Block, expected: int) -> bool:
    """Whether `block` is too far beyond packet `expected`, which should have been its first."""
    return block.first - expected >= MAX_JUMP


def _fault_of_counters(block: Block) -> str | None:
    for name in ("first_ts", "last_ts", "size", "dropped"):
        value = getattr(block, name)
        if not 0 <= value < _INT64:
            return f"its {name} is {value}, and may be 0 to {_INT64 - 1}"
    return None
