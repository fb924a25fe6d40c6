"""Captures for the gateway's tests, with packets in the store."""

from collections.abc import Sequence

from contracts.block import Block
from contracts.ledger import Ledger
from contracts.task import Capture
from services.packets.pcapng import enhanced_packet
from tests.gateway.world import World

SECOND = 1_000_000_000
BASE = 1_795_384_502 * SECOND


def block_of(
    session: str, number: int, first: int, packets: Sequence[bytes], length: int | None = None
) -> Block:
    """A block of these packets, a millisecond apart; `length` is theirs on the wire."""
    times = [BASE + (first + index) * 1_000_000 for index in range(len(packets))]
    data = b"".join(
        enhanced_packet(ts, packet, length or len(packet))
        for ts, packet in zip(times, packets, strict=True)
    )
    size = sum(map(len, packets))
    return Block(session, number, first, len(packets), times[0], times[-1], size, 0, data)


def ledger_of(blocks: Sequence[Block]) -> Ledger:
    """The ledger that closes on these blocks: what is not in them was lost by the agent."""
    captured = blocks[-1].next if blocks else 0
    stored = sum(block.count for block in blocks)
    return Ledger(
        seen=captured + 3,
        captured=captured,
        dropped_kernel=3,
        dropped_agent=captured - stored,
        stored=stored,
        blocks=len(blocks),
        bytes=sum(block.size for block in blocks),
    )


async def ended_capture(
    world: World, *runs: tuple[int, Sequence[bytes]], linktype: int = 1
) -> Capture:
    """An ended capture whose blocks begin at these numbers and hold these packets."""
    started = await world.start()
    session = started["session"]
    blocks = [block_of(session, i, first, packets) for i, (first, packets) in enumerate(runs)]
    if blocks:
        await world.store.insert_blocks(blocks)
    return await world.dispatcher.ends(
        started["task_id"], ledger=ledger_of(blocks), linktype=linktype, interface="eth0"
    )
