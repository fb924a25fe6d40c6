"""Every metric of the agent, named once."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from contracts.ledger import Ledger
from contracts.spool import Spool

_PREFIX = "capflow_agent"

LEDGER = {
    "seen": "packets that passed the filter, by the kernel's counter",
    "captured": "packets read within the limits",
    "dropped_kernel": "packets the ring had no room for, by the kernel's counter",
    "beyond_limit": "packets that were in the ring when a limit was reached",
    "dropped_agent": "packets that could not be kept for the endpoint",
    "stored": "packets the endpoint has acknowledged",
    "blocks": "blocks the endpoint has acknowledged",
    "bytes": "captured bytes the endpoint has acknowledged",
}


class AgentMetrics:
    """The agent's metrics, in a registry of their own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self.keepalives = self._counter("keepalives", "KeepAlives the bus has taken")
        self.keepalives_failed = self._counter(
            "keepalives_failed", "KeepAlives the bus did not take"
        )
        self.reports = self._counter("reports", "reports the bus has taken")
        self.reports_failed = self._counter("reports_failed", "reports that had to wait")
        self.running = Gauge(f"{_PREFIX}_captures_running", "captures", registry=registry)
        self.waiting = Gauge(
            f"{_PREFIX}_waiting_bytes", "blocks that wait for their endpoint", registry=registry
        )
        self.spool_errors = self._counter("spool_errors", "times the spool's disk failed")

    def watch_spool(self, spool: Callable[[], Spool], foreign: Callable[[], int]) -> None:
        """Ask `spool` for the figures of the whole spool whenever somebody reads the metrics."""
        self._registry.register(_SpoolFigures(spool, foreign))

    def count(self, ledger: Callable[[], Ledger]) -> None:
        """Ask `ledger` for the sums of all captures whenever somebody reads the metrics."""
        self._registry.register(_Ledgers(ledger))

    def _counter(self, name: str, meaning: str) -> Counter:
        return Counter(f"{_PREFIX}_{name}", meaning, registry=self._registry)


SPOOL = {
    "bytes": ("spool_bytes", "disk that blocks take which wait for their endpoint"),
    "packets": ("spool_packets", "packets that wait on disk"),
    "room": ("spool_room_bytes", "disk that the spool can still take"),
    "oldest": ("spool_oldest_seconds", "how long the oldest block has waited"),
}
SPOOL_COUNTS = {
    "dropped": ("spool_dropped_packets", "packets dropped because spool and memory were full"),
    "damaged": ("spool_damaged_packets", "packets lost in records that could not be read back"),
}


class _SpoolFigures(Collector):
    def __init__(self, spool: Callable[[], Spool], foreign: Callable[[], int]) -> None:
        self._spool = spool
        self._foreign = foreign

    def collect(self) -> Iterator[Metric]:
        """The spool's figures."""
        spool = self._spool()
        for name, (metric, meaning) in SPOOL.items():
            value = getattr(spool, name)
            yield GaugeMetricFamily(f"{_PREFIX}_{metric}", meaning, value=value)
        for name, (metric, meaning) in SPOOL_COUNTS.items():
            value = getattr(spool, name)
            yield CounterMetricFamily(f"{_PREFIX}_{metric}", meaning, value=value)
        yield GaugeMetricFamily(
            f"{_PREFIX}_spool_foreign", "files and links in the spool that are not ours",
            value=self._foreign(),
        )  # fmt: skip


class _Ledgers(Collector):
    def __init__(self, ledger: Callable[[], Ledger]) -> None:
        self._ledger = ledger

    def collect(self) -> Iterator[CounterMetricFamily]:
        """The ledger's counts, each as a counter."""
        ledger = self._ledger()
        for name, meaning in LEDGER.items():
            yield CounterMetricFamily(
                f"{_PREFIX}_ledger_{name}", meaning, value=getattr(ledger, name)
            )
