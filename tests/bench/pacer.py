"""Sends frames evenly: `python -m tests.bench.pacer DEVICE RATE SIZE`, until it is told to stop.

trafgen sends what belongs to a second at that second's beginning, which is a burst where captures
are quiet. The frames are as `wire` makes them, and their IPv4 identification counts up.
"""

import socket
import sys
import time

from tests.bench.synthetic import frame
from tests.bench.wire import PORT

_TICK = 0.001
_ID_AT = 18


def main(device: str, rate: float, size: int) -> None:
    """Send for ever."""
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    out.bind((device, 0))
    data = bytearray(frame(size, PORT))
    began, sent = time.monotonic(), 0
    while True:
        due = int((time.monotonic() - began) * rate)
        for number in range(sent, due):
            data[_ID_AT : _ID_AT + 2] = (number & 0xFFFF).to_bytes(2)
            out.send(data)
        sent = due
        time.sleep(max(_TICK, 1 / rate))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
