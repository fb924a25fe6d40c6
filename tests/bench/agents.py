"""Ten thousand agents in one process that costs next to nothing: frames made once, patched, sent.

`python -m tests.bench.agents URL COUNT` takes orders `{seconds, window, rate}` and answers each
with what it measured: `window` is the most KeepAlives that wait for their answer at once, `rate`
how many are sent a second at most (0: as many as are answered).
"""

import json
import re
import selectors
import socket
import sys
import time
from itertools import cycle
from uuid import uuid4

from pamqp import commands, frame, header
from pamqp.body import ContentBody
from yarl import URL

from contracts.topology import KEEPALIVE
from tests.bench.figures import at

CONNECTIONS = 4
_FIRST_SEQ = 1_000_000
"""Of seven digits, as all that follow: only these are patched in a frame."""
_ANSWER = re.compile(rb"corr-([0-9]{5})")
_TAIL = 16
"""Bytes that may belong to a correlation id of which the rest is still to come."""
_PROTOCOL = b"AMQP\x00\x00\x09\x01"


class Connection:
    """A connection with one channel and a direct reply-to address, on a plain socket."""

    def __init__(self, url: URL) -> None:
        self.socket = socket.create_connection((url.host, url.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._left = b""
        self._tail = b""
        self.waiting = bytearray()
        """Bytes to be sent."""
        self._open(url)
        self.socket.setblocking(False)

    def send(self, frames: bytes) -> None:
        """Send as much as goes, and the rest later."""
        self.waiting += frames
        self.flush()

    def flush(self) -> None:
        """Send as much of what waits as goes."""
        while self.waiting:
            try:
                sent = self.socket.send(self.waiting)
            except BlockingIOError:
                return
            del self.waiting[:sent]

    def answers(self) -> list[int]:
        """The agents whose answers have come."""
        data = self._tail + self.socket.recv(1 << 18)
        self._tail = data[-_TAIL:] if not _ANSWER.search(data[-_TAIL:]) else b""
        return [int(number) for number in _ANSWER.findall(data)]

    def _open(self, url: URL) -> None:
        credentials = f"\0{url.user}\0{url.password}"
        self.socket.sendall(_PROTOCOL)
        self._next()
        self._say(0, commands.Connection.StartOk({}, "PLAIN", credentials, "en_US"))
        self._next()
        self._say(0, commands.Connection.TuneOk(2047, 131072, 0))
        self._say(0, commands.Connection.Open(url.path.lstrip("/") or "/"))
        self._next()
        self._say(1, commands.Channel.Open())
        self._next()
        self._say(1, commands.Basic.Consume(queue="amq.rabbitmq.reply-to", no_ack=True))
        self._next()

    def _say(self, channel: int, command: frame.FrameTypes) -> None:
        self.socket.sendall(frame.marshal(command, channel))

    def _next(self) -> None:
        """Wait for the broker's next frame."""
        while True:
            size, _, _ = frame.unmarshal(self._left) if len(self._left) > 7 else (0, 0, None)
            if size:
                self._left = self._left[size:]
                return
            self._left += self.socket.recv(1 << 16)


class Agents:
    """What they send: for each one the bytes before and after its sequence number."""

    def __init__(self, count: int) -> None:
        self.frames = [_frames(number) for number in range(count)]
        self.sent = [0.0] * count
        self._turns = cycle(range(count))
        self._seq = _FIRST_SEQ

    def next(self, most: int, now: float) -> bytes:
        """The KeepAlives of the next `most` agents."""
        parts: list[bytes] = []
        for _ in range(most):
            number = next(self._turns)
            self._seq += number == 0
            before, after = self.frames[number]
            parts += (before, b"%d" % self._seq, after)
            self.sent[number] = now
        return b"".join(parts)


def measure(
    connections: list[Connection], agents: Agents, seconds: float, window: int, rate: float
) -> dict[str, float]:
    """Send KeepAlives for so long; what was answered, and how late."""
    selector = selectors.DefaultSelector()
    for connection in connections:
        selector.register(connection.socket, selectors.EVENT_READ, connection)
    turns = cycle(connections)
    began = now = time.perf_counter()
    sent, delays = 0, list[float]()
    while now - began < seconds or (len(delays) < sent and now - began < seconds + 5):
        over = now - began >= seconds
        room = 0 if over else window - (sent - len(delays))
        if rate:
            room = min(room, int((now - began) * rate) - sent)
        if room > 0:
            next(turns).send(agents.next(room, now))
            sent += room
        ready = selector.select(0.001 if rate else 0.01)
        now = time.perf_counter()
        for key, _ in ready:
            delays += [now - agents.sent[number] for number in key.data.answers()]
        for connection in connections:
            connection.flush()
    selector.close()
    return {
        "answered": len(delays),
        "per_second": len(delays) / (now - began),
        "p99": at(delays, 0.99),
    }


def _frames(number: int) -> tuple[bytes, bytes]:
    resource = f"bench-{number:05d}"
    services = [
        {"service": f"if{i}", "interface": f"eth{i}", "filter": "", "snaplen": None}
        for i in range(3)
    ]
    body = json.dumps(
        {
            "resource": resource, "agent_id": str(uuid4()), "boot": 1, "seq": _FIRST_SEQ,
            "revision": 0, "interval": 5.0, "version": "1.0.0", "services": services,
            "captures": [],
        }
    ).encode()  # fmt: skip
    properties = commands.Basic.Properties(
        content_type="application/json", headers={"version": 1}, delivery_mode=1,
        correlation_id=f"corr-{number:05d}", reply_to="amq.rabbitmq.reply-to",
        message_id=str(uuid4()), message_type="keepalive", app_id="capflow-agent",
    )  # fmt: skip
    publish = frame.marshal(commands.Basic.Publish(exchange=KEEPALIVE, routing_key=resource), 1)
    head = frame.marshal(header.ContentHeader(0, len(body), properties), 1)
    whole = publish + head + frame.marshal(ContentBody(body), 1)
    before, after = whole.split(str(_FIRST_SEQ).encode())
    return before, after


def main() -> None:
    """Measure whatever is ordered."""
    url, agents = URL(sys.argv[1]), Agents(int(sys.argv[2]))
    connections = [Connection(url) for _ in range(CONNECTIONS)]
    for line in sys.stdin:
        print(json.dumps(measure(connections, agents, **json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
