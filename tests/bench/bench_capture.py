"""Ring to block: the agent's ring, framing and blocks, without a store, in a process of its own."""

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from statistics import median

from tests.bench.readers import SETTINGS
from tests.bench.report import Curve, Report, Row
from tests.bench.wire import Wire

TITLE = "ring to block: CPU a packet, and the highest rate with no drop"
NAME = "capture"

_RATE = 150_000
"""Packets a second at which CPU is compared; Scapy is given all that it takes anyway."""
_SIZES = (64, 200, 1500)
_PEERS = ("scapy", "recv", "dumpcap", "tcpdump")
_BUDGETS = {"scapy": 100.0, "dumpcap": 1.0}
_CPU_BUDGET = 1.2
"""Microseconds a packet of 200 bytes."""
_SETTLE = {"tcpdump": 1.5, "dumpcap": 0.6}
"""Seconds for a reader to be handed the last packets, which libpcap leaves in the ring when it is
stopped: more than what each has the kernel wait for a block to be full; 0.3 for the others."""
_STEPS = 4
_SLOWEST = 50_000.0


@dataclass(frozen=True)
class Reading:
    """What a reader made of `sent` packets."""

    sent: int
    got: int
    cpu: float
    rate: float
    """Packets a second that were sent."""

    @property
    def microseconds(self) -> float:
        """CPU a packet."""
        return self.cpu / max(1, self.got) * 1e6


def run(report: Report) -> None:
    """Measure; every peer beside us, size by size."""
    for peer in _PEERS:
        report.settings[f"peer {peer}"] = SETTINGS[peer]
    with Wire() as wire:
        read(wire, "ours", 200, 20_000, _RATE)  # warms up
        lines: dict[str, list[tuple[float, float]]] = {way: [] for way in ("ours", *_PEERS)}
        for size in _SIZES:
            for way, microseconds in _cpu_rows(report, wire, size).items():
                lines[way].append((size, microseconds))
        report.plot(Curve(NAME, "CPU a packet", "bytes of a packet", "µs", lines))
        for size in _SIZES:
            _rate_rows(report, wire, size)


def read(wire: Wire, way: str, size: int, count: int, rate: float | None) -> Reading:
    """Send packets past one reader."""
    command = [sys.executable, "-m", "tests.bench.readers", way, wire.near]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        said = child.stdout.readline()
        assert said == b"ready\n", f"{way} did not start"
        elapsed = wire.send(count, size, rate)
        time.sleep(_SETTLE.get(way, 0.3))
        output, _ = child.communicate()
    body = json.loads(output)
    return Reading(count, body["packets"], body["cpu"], count / elapsed)


def _cpu_rows(report: Report, wire: Wire, size: int) -> dict[str, float]:
    count = int(_RATE * report.seconds(3))
    runs: dict[str, list[Reading]] = {way: [] for way in ("ours", *_PEERS)}
    for _ in range(report.runs):
        for way, readings in runs.items():
            readings.append(read(wire, way, size, count, _RATE))
    ours = [reading.microseconds for reading in runs["ours"]]
    for peer in _PEERS:
        report.add(
            Row(
                bench=NAME,
                what=f"CPU a packet of {size} bytes, against {peer}",
                unit="µs",
                better="lower",
                ours=ours,
                peer=peer,
                theirs=[reading.microseconds for reading in runs[peer]],
                budget=_BUDGETS.get(peer) if size == 200 else None,
                budget_of="ratio",
                notes=f"{peer} got {_share(runs[peer])}, we {_share(runs['ours'])}",
            )
        )
    if size == 200:
        report.add(Row(NAME, "CPU a packet of 200 bytes", "µs", ours, "lower", budget=_CPU_BUDGET))
    return {way: median(r.microseconds for r in readings) for way, readings in runs.items()}


def _share(readings: list[Reading]) -> str:
    got = sum(reading.got for reading in readings) / sum(reading.sent for reading in readings)
    return f"{got:.1%}"


def _rate_rows(report: Report, wire: Wire, size: int) -> None:
    """The highest rate with no drop. Scapy drops at any rate that is tried here."""
    peers = ("recv", "dumpcap", "tcpdump")
    found: dict[str, list[float]] = {way: [] for way in ("ours", *peers)}
    for _ in range(report.runs):
        for way, rates in found.items():
            rates.append(_highest(report, wire, way, size))
    what = f"highest rate with no drop, {size} bytes"
    for peer in peers:
        budget = 1.0 if peer == "dumpcap" and size == 200 else None
        report.add(
            Row(
                NAME, f"{what}, against {peer}", "packets/s", found["ours"], "higher", peer,
                found[peer], budget, "ratio", "as fast as trafgen sends where nothing is dropped",
            )
        )  # fmt: skip


def _highest(report: Report, wire: Wire, way: str, size: int) -> float:
    """The highest rate that was sent and read whole: all that the generator can, or halving."""
    seconds = report.seconds(2)
    flat_out = read(wire, way, size, int(300_000 * seconds), None)
    if flat_out.got == flat_out.sent:
        return flat_out.rate
    best, low, high = 0.0, _SLOWEST, flat_out.rate
    for _ in range(_STEPS):
        rate = (low + high) / 2
        reading = read(wire, way, size, int(rate * seconds), rate)
        if reading.got == reading.sent:
            best, low = max(best, reading.rate), rate
        else:
            high = rate
    return best
