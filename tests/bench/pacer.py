"""Sends frames evenly: `python -m tests.bench.pacer DEVICE RATE SIZE [COUNT]`, or for ever.

trafgen sends what belongs to a second as fast as it can at that second's beginning: at 200,000
packets/s, 330,000 for 0.6 s and then none. Here every millisecond has its share, in one system call
for up to 1,024 frames. The frames are as `synthetic` makes them; their IPv4 identification counts
up, modulo 65,536.
"""

import ctypes
import os
import socket
import sys
import time

from tests.bench.synthetic import frame
from tests.bench.wire import DISTINCT, HEADERS, PORT

_TICK = 0.001
_TOGETHER = 5
"""Frames in one tick at least, from a thousand a second on: less often costs less."""
_AT_ONCE = 1024
"""Messages that one sendmmsg(2) takes."""
_CYCLE = 1 << 16
_ID_AT = 18
_SOL_PACKET, _QDISC_BYPASS = 263, 20


class _Piece(ctypes.Structure):
    """`struct iovec`."""

    _fields_ = (("base", ctypes.c_void_p), ("size", ctypes.c_size_t))


class _Message(ctypes.Structure):
    """`struct mmsghdr`; what its last fields say is not used."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_size", ctypes.c_size_t),
        ("pieces", ctypes.c_void_p),
        ("count", ctypes.c_size_t),
        ("rest", ctypes.c_size_t * 4),
    )


_libc = ctypes.CDLL(None, use_errno=True)


class Cycle:
    """A frame for every identification: headers of its own, and one of 512 payloads."""

    def __init__(self, size: int) -> None:
        frames = [frame(size, PORT) for _ in range(DISTINCT)]
        headers = bytearray(frames[0][:HEADERS] * _CYCLE)
        for number in range(_CYCLE):
            at = number * HEADERS + _ID_AT
            headers[at : at + 2] = number.to_bytes(2)
        self._headers = (ctypes.c_char * len(headers)).from_buffer(headers)
        self._payloads = [ctypes.create_string_buffer(data[HEADERS:]) for data in frames]
        self._pieces = (_Piece * (2 * _CYCLE))()
        self._messages = (_Message * _CYCLE)()
        begin, pieces = ctypes.addressof(self._headers), ctypes.addressof(self._pieces)
        payloads = [ctypes.addressof(payload) for payload in self._payloads]
        for number in range(_CYCLE):
            self._pieces[2 * number] = _Piece(begin + number * HEADERS, HEADERS)
            self._pieces[2 * number + 1] = _Piece(payloads[number % DISTINCT], size - HEADERS)
            message = self._messages[number]
            message.pieces, message.count = pieces + number * 2 * ctypes.sizeof(_Piece), 2

    def send(self, out: socket.socket, first: int, count: int) -> int:
        """Send frames from number `first` on; how many went out in one call."""
        number = first % _CYCLE
        most = min(count, _AT_ONCE, _CYCLE - number)
        at = ctypes.addressof(self._messages) + number * ctypes.sizeof(_Message)
        sent = _libc.sendmmsg(out.fileno(), ctypes.c_void_p(at), most, 0)
        if sent < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return int(sent)


def main(device: str, rate: float, size: int, count: int | None = None) -> None:
    """Send `count` frames, or for ever."""
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    out.setsockopt(_SOL_PACKET, _QDISC_BYPASS, 1)
    out.bind((device, 0))
    cycle = Cycle(size)
    pause = max(_TICK, (_TOGETHER if rate >= 1 / _TICK else 1) / rate)
    print("ready", flush=True)
    began, sent = time.monotonic(), 0
    while count is None or sent < count:
        due = int((time.monotonic() - began) * rate)
        due = due if count is None else min(due, count)
        while sent < due:
            sent += cycle.send(out, sent, due - sent)
        time.sleep(pause)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), *map(int, sys.argv[4:]))
