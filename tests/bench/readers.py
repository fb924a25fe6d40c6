"""Ways to read packets from an interface, each in a process of its own, so that its CPU counts.

`python -m tests.bench.readers WAY INTERFACE` says `ready`, reads until its standard input ends,
and writes what it read, and the CPU seconds it took (its children's too), as a line of JSON.
"""

import asyncio
import fcntl
import json
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable

from contracts.order import Limits
from contracts.task import StopReason
from services.agent import bpf
from services.agent.age import BlockAge
from services.agent.backlog import Backlog
from services.agent.blocks import BlockBuilder
from services.agent.capture import Capture, Ending
from services.agent.framing import Framer
from services.agent.ledgerbook import LedgerBook
from services.agent.limits import Limiter
from services.agent.ring import Ring
from services.agent.source import Instruction, Rule, Screen
from services.packets.filters import FilterCompiler
from tests.bench import cpu
from tests.bench.wire import FILTER

BUFFER = 64 << 20
"""Bytes of kernel buffer that every reader but Scapy gets: the agent's own default."""
_PIPE = 1 << 20
_SO_ATTACH_FILTER, _SO_RCVBUFFORCE, _ETH_P_ALL = 26, 33, 3
_TENTH = struct.pack("ll", 0, 100_000)
"""A tenth of a second as `struct timeval`: Python's own timeouts cost a poll(2) a packet."""
_F_SETPIPE_SZ = 1031
_EPB = struct.Struct("<II4xIII")  # type, length, time, captured

SETTINGS = {
    "scapy": "scapy.sniff(store=False, prn=count, filter in the kernel)",
    "recv": "AF_PACKET socket, one recv_into a packet, 64 MiB buffer, filter in the kernel",
    "dumpcap": "dumpcap -q -B 64 -w - into a 1 MiB pipe, read in Python by 1 MiB, blocks walked",
    "tcpdump": "tcpdump -n -B 65536 -w /dev/null",
}


def screen() -> Screen:
    """The wire's filter, compiled for the kernel."""

    async def compiled() -> Screen:
        compiler = FilterCompiler()
        program = await compiler.compile(FILTER, kernel=True)
        await compiler.close()
        return Screen((Rule(FILTER, program),))

    return asyncio.run(compiled())


def ours(interface: str, done: threading.Event) -> int:
    """The agent's own: ring, limits, framing, blocks, backlog; a full block is thrown away."""
    source = Ring(interface, BUFFER)
    source.open(screen())
    book = LedgerBook()
    backlog = Backlog("bench", BUFFER, lambda: _consume(backlog))
    limiter = Limiter(Limits(seconds=86400, bytes=1 << 50), time.monotonic())
    capture = Capture(source, BlockBuilder(Framer(), BlockAge()), limiter, book, backlog)
    ended = threading.Event()
    capture.start(lambda _: ended.set())
    _ready()
    done.wait()
    capture.stop(Ending(StopReason.REQUESTED))
    ended.wait()
    return book.ledger().captured


def _consume(backlog: Backlog) -> None:
    for block in backlog.oldest(8):
        backlog.done([block], block.block + 1)


def recv(interface: str, done: threading.Event) -> int:
    """One system call a packet."""
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    packets.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, BUFFER)
    _attach(packets, bpf.chain(screen()))
    packets.bind((interface, _ETH_P_ALL))
    packets.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _TENTH)
    buffer = bytearray(2048)
    take = packets.recv_into
    _ready()
    count = 0
    while not done.is_set():
        try:
            while True:
                take(buffer)
                count += 1
        except BlockingIOError:
            continue
    return count


def scapy(interface: str, done: threading.Event) -> int:
    """Scapy's sniffer, which makes an object of every packet."""
    from scapy.all import AsyncSniffer

    count = 0

    def take(_: object) -> None:
        nonlocal count
        count += 1

    started = threading.Event()
    sniffer = AsyncSniffer(
        iface=interface, filter=FILTER, store=False, prn=take, started_callback=started.set
    )
    sniffer.start()
    started.wait()
    _ready()
    done.wait()
    sniffer.stop()
    return count


def dumpcap(interface: str, done: threading.Event) -> int:
    """dumpcap writes pcapng into a pipe, and we find the blocks' borders, sizes and times."""
    command = ["dumpcap", "-q", "-i", interface, "-f", FILTER, "-B", str(BUFFER >> 20), "-w", "-"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stderr is not None
    _until_said(child, b"File:")
    threading.Thread(target=child.stderr.read, daemon=True).start()
    pipe = child.stdout.fileno()
    fcntl.fcntl(pipe, _F_SETPIPE_SZ, _PIPE)
    _ready(child.pid)
    threading.Thread(target=_interrupt_after, args=(child, done), daemon=True).start()
    count = _walk(pipe)
    child.wait()
    return count


def tcpdump(interface: str, done: threading.Event) -> int:
    """tcpdump alone, which we only tell to stop."""
    command = ["tcpdump", "-n", "-i", interface, "-B", str(BUFFER >> 10), "-w", "/dev/null", FILTER]
    child = subprocess.Popen(command, stderr=subprocess.PIPE)
    _until_said(child, b"listening")
    _ready(child.pid)
    _interrupt_after(child, done)
    _, said = child.communicate()
    return int(said.split(b" packets captured")[0].split()[-1])


WAYS: dict[str, Callable[[str, threading.Event], int]] = {
    "ours": ours,
    "recv": recv,
    "scapy": scapy,
    "dumpcap": dumpcap,
    "tcpdump": tcpdump,
}


def _walk(pipe: int) -> int:
    """Count the packets of a pcapng stream, seeing what a block of ours must know of each."""
    count, rest, header = 0, b"", _EPB.unpack_from
    while more := os.read(pipe, _PIPE):
        data = rest + more
        at, end = 0, len(data) - _EPB.size
        while at <= end:
            kind, size, _high, _low, _captured = header(data, at)
            if at + size > len(data):
                break
            count += kind == 6
            at += size
        rest = data[at:]
    return count


def _interrupt_after(child: subprocess.Popen[bytes], done: threading.Event) -> None:
    done.wait()
    child.send_signal(signal.SIGINT)


def _until_said(child: subprocess.Popen[bytes], text: bytes) -> None:
    """Read what a program says until it has begun."""
    assert child.stderr is not None
    said = b""
    while text not in said:
        more = os.read(child.stderr.fileno(), 4096)
        assert more, f"{child.args!r} ended: {said.decode(errors='replace')}"
        said += more


def _attach(packets: socket.socket, program: list[Instruction]) -> None:
    import ctypes

    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in program))
    reference = struct.pack("@HP", len(program), ctypes.addressof(code))
    packets.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, reference)


def _ready(child: int | None = None) -> None:
    """Say so; what was used before, by a child too, does not count."""
    global _cpu_before
    _cpu_before = _cpu() + (cpu.on_processor(child) if child is not None else 0.0)
    print("ready", flush=True)


_cpu_before = 0.0


def _cpu() -> float:
    """CPU seconds of this process, and of its children that have ended."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    gone = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + gone.ru_utime + gone.ru_stime


def _wait_for_end(done: threading.Event) -> None:
    sys.stdin.buffer.read()
    done.set()


def main(way: str, interface: str) -> None:
    """Read until standard input ends."""
    done = threading.Event()
    threading.Thread(target=_wait_for_end, args=(done,), daemon=True).start()
    count = WAYS[way](interface, done)
    print(json.dumps({"packets": count, "cpu": _cpu() - _cpu_before}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
