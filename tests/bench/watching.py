"""A viewer that measures: it takes frames from a plain socket and hardly looks at them.

`python -m tests.bench.watching URL` connects, says each line of its standard input as a text
frame until an empty one comes, prints `ready` when the stream has `started`, reads until the
server closes, and writes what it saw as a line of JSON. Latency is from a packet's capture time
(the timestamps of the first and last packet of each binary frame) to the moment at which the
frame is here whole; between the two it is taken to change evenly.
"""

import json
import socket
import struct
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10
_ROOM = 4 << 20
_TIME = struct.Struct("<II")
_LENGTH = struct.Struct("<I")
_TIME_AT = 12
_EPB = b"\x06\x00\x00\x00"

Arrival = tuple[float, float, float, int]
"""When a frame was here (seconds since 1970), latency of its first and last packet in seconds,
packets."""


@dataclass
class Seen:
    """What a viewer was sent."""

    packets: int = 0
    repeats: int = 0
    """Packets whose number had come before."""
    holes: int = 0
    """Packets between what came, that did not come."""
    arrivals: list[Arrival] = field(default_factory=list)


class Frames:
    """WebSocket frames from a socket, the bytes of each in one buffer that is used again."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname, parts.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray(_ROOM)
        self._view = memoryview(self._buffer)
        self._begin = self._end = 0
        self._shake_hands(parts.netloc, parts.path or "/")

    def say(self, text: str) -> None:
        """Send a text frame."""
        self._send(_TEXT, text.encode())

    def __iter__(self) -> Iterator[tuple[int, memoryview]]:
        """Frames, until the server closes; each is valid until the next one."""
        while True:
            opcode, size = self._header()
            self._need(size)
            payload = self._view[self._begin : self._begin + size]
            self._begin += size
            if opcode == _CLOSE:
                return
            if opcode == _PING:
                self._send(_PONG, bytes(payload))
            else:
                yield opcode, payload

    def _shake_hands(self, host: str, path: str) -> None:
        self._socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        while (over := self._buffer.find(b"\r\n\r\n", 0, self._end)) < 0:
            self._receive()
        answer = bytes(self._buffer[:over])
        assert answer.startswith(b"HTTP/1.1 101"), answer
        self._begin = over + 4

    def _header(self) -> tuple[int, int]:
        self._need(2)
        first, size = self._buffer[self._begin], self._buffer[self._begin + 1]
        self._begin += 2
        if size >= 126:
            width = 2 if size == 126 else 8
            self._need(width)
            size = int.from_bytes(self._view[self._begin : self._begin + width], "big")
            self._begin += width
        return first & 0x0F, size

    def _need(self, size: int) -> None:
        """Have the next `size` bytes in the buffer, in one piece."""
        if self._begin + size > _ROOM - (64 << 10):
            rest = self._end - self._begin
            self._view[:rest] = self._view[self._begin : self._end]
            self._begin, self._end = 0, rest
        while self._end - self._begin < size:
            self._receive()

    def _receive(self) -> None:
        got = self._socket.recv_into(self._view[self._end :])
        assert got, "the server went away without a close"
        self._end += got

    def _send(self, opcode: int, payload: bytes) -> None:
        """A client's frames are masked (RFC 6455 section 5.3); by zeros, which change nothing."""
        size = len(payload)
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | min(size, 126))
        head += struct.pack("!H", size) if size >= 126 else b""
        self._socket.sendall(head + b"\0\0\0\0" + payload)


def watch(frames: Frames) -> Seen:
    """Read to the end."""
    seen = Seen()
    expected: int | None = None
    packets = 0
    for opcode, payload in frames:
        if opcode == _BINARY:
            _take(seen, payload, packets)
            continue
        message = json.loads(bytes(payload))
        kind = message["type"]
        if kind == "packets":
            first, packets = message["first"], message["next"] - message["first"]
            if expected is not None:
                seen.holes += max(0, first - expected)
                seen.repeats += max(0, expected - first)
            expected = message["next"]
            if "packets" in message:
                _take_json(seen, message["packets"], packets)
        elif kind == "started":
            print("ready", flush=True)
        elif kind == "error":
            raise AssertionError(message)
    return seen


def _take(seen: Seen, frame: memoryview, packets: int) -> None:
    """Count a binary frame of packets; the file's headers and empty frames are none."""
    if frame[:4] != _EPB:
        return
    now = time.time_ns()
    last = len(frame) - _LENGTH.unpack_from(frame, len(frame) - 4)[0]
    arrival = (now / 1e9, _age(now, frame, 0), _age(now, frame, last), packets)
    seen.arrivals.append(arrival)
    seen.packets += packets


def _take_json(seen: Seen, shown: list[dict[str, Any]], packets: int) -> None:
    now = time.time()
    ages = [now - float(packet["time"]) for packet in (shown[0], shown[-1])] if shown else []
    if ages:
        seen.arrivals.append((now, ages[0], ages[1], packets))
    seen.packets += len(shown)


def _age(now: int, frame: memoryview, at: int) -> float:
    high, low = _TIME.unpack_from(frame, at + _TIME_AT)
    return float(now - (high << 32 | low)) / 1e9


def main(url: str) -> None:
    """Watch one stream to its end."""
    frames = Frames(url)
    while line := sys.stdin.readline().strip():
        frames.say(line)
    print(json.dumps(asdict(watch(frames))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
