"""Every metric of the agent, named once."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from contracts.ledger import Ledger

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

    def count(self, ledger: Callable[[], Ledger]) -> None:
        """Ask `ledger` for the sums of all captures whenever somebody reads the metrics."""
        self._registry.register(_Ledgers(ledger))

    def _counter(self, name: str, meaning: str) -> Counter:
        return Counter(f"{_PREFIX}_{name}", meaning, registry=self._registry)


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
