"""Blocks of packets that nobody captured: UDP of a few thousand flows, with random payloads."""

import random
from functools import cache

from services.packets.pcapng import EPB_HEADER, EPB_TYPE, LOW_32, enhanced_packet

PORTS = (4001, 4002)
"""Each packet goes to one of them, by chance."""
_SENDERS = range(20_000, 21_000)
"""Ports that packets come from, by chance."""
_VARIANTS = 8
_ETHERNET = bytes.fromhex("0200000000010200000000020800")
_ADDRESSES = bytes.fromhex("0aff00020aff0001")


def block_data(packets: int, size: int, ts: int) -> bytes:
    """So many packets of `size` bytes, framed; the first is stamped with `ts` (ns)."""
    total = len(enhanced_packet(0, bytes(size), size))
    head = EPB_HEADER.pack(EPB_TYPE, total, 0, ts >> 32, ts & LOW_32, size, size)
    return head + random.choice(_rests(packets, size))


@cache
def _rests(packets: int, size: int) -> list[bytes]:
    """Blocks without the header of their first packet."""
    return [
        b"".join(
            enhanced_packet(0, frame(size, random.choice(PORTS)), size) for _ in range(packets)
        )[EPB_HEADER.size :]
        for _ in range(_VARIANTS)
    ]


def frame(size: int, port: int) -> bytes:
    """A UDP packet to `port`, in Ethernet."""
    total, payload = (size - 14).to_bytes(2), (size - 42)
    ipv4 = b"\x45\0" + total + b"\0\0\0\0\x40\x11\0\0" + _ADDRESSES
    udp = (
        random.choice(_SENDERS).to_bytes(2) + port.to_bytes(2) + (payload + 8).to_bytes(2) + b"\0\0"
    )
    return _ETHERNET + ipv4 + udp + random.randbytes(payload)
