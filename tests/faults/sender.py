"""Sends numbered packets evenly: `python -m tests.faults.sender DEVICE PORT RUN SIZE DESK`.

DESK is a file that it shares with whoever started it: the rate, which may change at any time,
and how many packets have been sent. So that count is right even when this process is killed.
"""

import mmap
import os
import signal
import socket
import struct
import sys
import time

from tests.support.numbered import payload
from tests.support.traffic import UDP_PAYLOAD_ON_ETHERNET

RATE = struct.Struct("<d")
SENT = struct.Struct("<Q")
SENT_AT = RATE.size
DESK_BYTES = RATE.size + SENT.size

_TICK = 0.001
_MOST_LATE = 0.05
"""Seconds: what a busy machine kept from being sent for longer is not made up for in a burst."""
_ETHERNET = bytes.fromhex("0200000000010200000000020800")
_ADDRESSES = bytes.fromhex("0aff00020aff0001")


def headers(port: int, size: int) -> bytes:
    """Ethernet, IPv4 and UDP before a payload of `size` bytes, between hosts that nobody has."""
    ipv4 = b"\x45\0" + (size + 28).to_bytes(2) + b"\0\0\0\0\x40\x11\0\0" + _ADDRESSES
    head = _ETHERNET + ipv4 + port.to_bytes(2) * 2 + (size + 8).to_bytes(2) + b"\0\0"
    assert len(head) == UDP_PAYLOAD_ON_ETHERNET
    return head


def main(device: str, port: int, run: bytes, size: int, desk: mmap.mmap) -> None:
    """Send until SIGTERM."""
    stopping: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopping.append(number))
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    out.bind((device, 0))
    head, sent = headers(port, size), 0
    due, last = 0.0, time.monotonic()
    while not stopping:
        now = time.monotonic()
        due += RATE.unpack_from(desk)[0] * min(now - last, _MOST_LATE)
        last = now
        while sent < int(due):
            if not _sent(out, head + payload(run, sent, size)):
                due = float(sent)
                break
            sent += 1
            SENT.pack_into(desk, SENT_AT, sent)
        time.sleep(_TICK)


def _sent(out: socket.socket, frame: bytes) -> bool:
    """Whether a frame went out: not while the device is down."""
    try:
        out.send(frame)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    descriptor = os.open(sys.argv[5], os.O_RDWR)
    shared = mmap.mmap(descriptor, DESK_BYTES)
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3].encode(), int(sys.argv[4]), shared)
