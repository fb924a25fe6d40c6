"""A crowd of viewers in one process that costs little: plain sockets, frames counted, not read.

`python -m tests.bench.crowd` takes orders. `connect` brings `count` viewers to `url`; with `start`
they let packets flow, and `silent` of them never read again. `watch` counts for some seconds what
comes, and of each frame the age of its first packet; it says `{"more": true}` each time every
viewer is `step` packets further, so that whoever feeds them can keep just ahead. `leave` closes
them all.
"""

import json
import re
import resource
import select
import selectors
import socket
import sys
import time
from typing import Any
from urllib.parse import urlsplit

from tests.bench.figures import at

_AT_ONCE = 64
_RECEIVE = 1 << 18
_SHOWN = 300
"""Bytes of a frame that may have to be looked at."""
_NEXT = re.compile(rb'"next":([0-9]+)')
_FIRST = re.compile(rb'"first":([0-9]+)')
_GAP = re.compile(rb'"count":([0-9]+)')
_EPB = b"\x06\x00\x00\x00"
_PINGED, _CLOSED = 9, 8
_PONG = b"\x8a\x80\0\0\0\0"
_SMALL_BUFFER = 4096


class Viewer:
    """One connection."""

    __slots__ = ("buffer", "bytes", "frames", "missed", "next", "skip", "socket", "texts")

    def __init__(self, host: str, port: int, path: str, silent: bool) -> None:
        self.socket = socket.socket()
        if silent:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER)
        self.socket.connect((host, port))
        self.socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self.buffer = b""
        self.skip = self.next = self.frames = self.bytes = self.missed = 0
        self.texts: list[bytes] = []

    def say(self, message: dict[str, Any]) -> None:
        """Send a text frame, masked by zeros."""
        payload = json.dumps(message).encode()
        size = len(payload)
        head = bytes([0x81, 0x80 | min(size, 126)]) + (size.to_bytes(2) if size > 125 else b"")
        self.socket.sendall(head + b"\0\0\0\0" + payload)

    def shaken(self) -> bool:
        """Whether the handshake is over."""
        self.buffer += self.receive()
        head, over, rest = self.buffer.partition(b"\r\n\r\n")
        if over:
            assert head.startswith(b"HTTP/1.1 101"), head
            self.buffer = rest
        return bool(over)

    def hears(self, kind: bytes) -> bool:
        """Whether a message of this type has come."""
        self.take(self.receive(), [])
        return any(kind in text[:40] for text in self.texts)

    def receive(self) -> bytes:
        """What has come."""
        data = self.socket.recv(_RECEIVE)
        assert data, "the server went away"
        return data

    def take(self, data: bytes, delays: list[float]) -> None:
        """Count what came."""
        self.bytes += len(data)
        if self.skip >= len(data):
            self.skip -= len(data)
            return
        data, at, self.skip = self.buffer + data, self.skip, 0
        end = len(data)
        while _has_header(data, at):
            opcode, size, start = _header(data, at)
            if end < min(start + size, start + _SHOWN):
                break
            self._look(opcode, data[start : min(start + size, start + _SHOWN)], delays)
            at = start + size
        if at >= end:
            self.skip, self.buffer = at - end, b""
        else:
            self.buffer = data[at:]

    def _look(self, opcode: int, shown: bytes, delays: list[float]) -> None:
        if opcode == 2:
            if shown[:4] == _EPB:
                high, low = (
                    int.from_bytes(shown[12:16], "little"),
                    int.from_bytes(shown[16:20], "little"),
                )
                delays.append((time.time_ns() - (high << 32 | low)) / 1e9)
        elif shown[:17] == b'{"type":"packets"':
            found = _NEXT.search(shown)
            assert found
            self.next = int(found[1])
            self.frames += 1
        elif shown[:13] == b'{"type":"gap"':
            found = _GAP.search(shown)
            assert found
            # What the kernel dropped has no numbers.
            self.missed += 0 if b"kernel-drop" in shown else int(found[1])
        elif opcode == _PINGED:
            self.socket.sendall(_PONG)
        elif opcode == _CLOSED:
            raise AssertionError(f"closed: {shown!r}")
        else:
            self.texts = [*self.texts[-3:], shown[:80]]
            if shown[:17] == b'{"type":"started"' and (first := _FIRST.search(shown)):
                self.next = int(first[1])


def _has_header(data: bytes, at: int) -> bool:
    return len(data) - at >= 10 or (len(data) - at >= 2 and data[at + 1] < len(data) - at - 1)


def _header(data: bytes, at: int) -> tuple[int, int, int]:
    size = data[at + 1] & 0x7F
    if size == 126:
        return data[at] & 0xF, int.from_bytes(data[at + 2 : at + 4]), at + 4
    if size == 127:
        return data[at] & 0xF, int.from_bytes(data[at + 2 : at + 10]), at + 10
    return data[at] & 0xF, size, at + 2


class Crowd:
    """The viewers."""

    def __init__(self) -> None:
        self._viewers: list[Viewer] = []
        self._selector = selectors.DefaultSelector()

    def connect(
        self,
        url: str,
        session: str,
        ticket: str,
        count: int,
        start: dict[str, Any] | None = None,
        starts: list[dict[str, Any]] | None = None,
        silent: int = 0,
    ) -> dict[str, float]:
        """Bring viewers, some at a time; how long that took. Each says one of the `starts`."""
        parts = urlsplit(url)
        hello = {"type": "session", "session": session, "ticket": ticket}
        said = starts or ([start] if start else [])
        began = time.perf_counter()
        for first in range(0, count, _AT_ONCE):
            some = range(first, min(first + _AT_ONCE, count))
            place = (parts.hostname or "", parts.port or 80, parts.path)
            viewers = [Viewer(*place, number < silent) for number in some]
            _wait(viewers, Viewer.shaken)
            for viewer in viewers:
                viewer.say(hello)
            _wait(viewers, lambda viewer: viewer.hears(b'"session"'))
            for number, viewer in zip(some, viewers, strict=True):
                if said:
                    viewer.say({"type": "start", **said[number % len(said)]})
            if said:
                _wait(viewers, lambda viewer: viewer.hears(b'"started"'))
            self._viewers += viewers
        took = time.perf_counter() - began
        for viewer in self._viewers[len(self._viewers) - count + silent :]:
            self._selector.register(viewer.socket, selectors.EVENT_READ, viewer)
        return {"seconds": took}

    def watch(self, seconds: float, step: int = 0, until: int = 0) -> dict[str, Any]:
        """Count for so long, or until every viewer has all packets below `until`."""
        readers = [key.data for key in self._selector.get_map().values()]
        self._forget(readers)
        begun = sum(viewer.next for viewer in readers)
        delays: list[float] = []
        goal = min(viewer.next for viewer in readers) + step if step else 0
        began = time.perf_counter()
        while (now := time.perf_counter()) - began < seconds:
            for key, _ in self._selector.select(0.05):
                key.data.take(key.data.receive(), delays)
            if goal and all(viewer.next >= goal for viewer in readers):
                print('{"more": true}', flush=True)
                goal += step
            if until and all(viewer.next >= until for viewer in readers):
                break
        took = now - began
        missed = sum(viewer.missed for viewer in readers)
        return {
            "seconds": took,
            "packets": (sum(viewer.next for viewer in readers) - begun - missed) / took,
            "missed": missed,
            "messages": sum(viewer.frames for viewer in readers) / took,
            "bytes": sum(viewer.bytes for viewer in readers) / took,
            "p50": at(delays, 0.5),
            "p99": at(delays, 0.99),
        }

    def leave(self) -> dict[str, bool]:
        """Close all."""
        self._selector.close()
        for viewer in self._viewers:
            viewer.socket.close()
        self._viewers.clear()
        self._selector = selectors.DefaultSelector()
        return {"left": True}

    def _forget(self, readers: list[Viewer]) -> None:
        for viewer in readers:
            viewer.frames = viewer.bytes = viewer.missed = 0


def _wait(viewers: list[Viewer], done: Any) -> None:
    """Let each viewer read until it is done."""
    poll = select.poll()
    waiting = {viewer.socket.fileno(): viewer for viewer in viewers}
    for number in waiting:
        poll.register(number, select.POLLIN)
    while waiting:
        for number, _ in poll.poll():
            if done(waiting[number]):
                poll.unregister(number)
                del waiting[number]


def main() -> None:
    """Do what is ordered."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    crowd = Crowd()
    for line in sys.stdin:
        order = json.loads(line)
        print(json.dumps(getattr(crowd, order.pop("do"))(**order)), flush=True)


if __name__ == "__main__":
    main()
