"""Every metric of the gateway."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_PREFIX = "capflow_gateway_"
_ANSWER_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 30, 60)


class Metrics:
    """The gateway's metrics, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        count, gauge = self._counter, self._gauge
        self.requests = count("requests", "Requests answered", "method", "route", "status")
        self.request_seconds = Histogram(
            f"{_PREFIX}request_seconds",
            "Time to answer a request",
            ["route"],
            buckets=_ANSWER_SECONDS,
            registry=self.registry,
        )
        self.not_authenticated = count(
            "not_authenticated", "Requests without a right key: none, wrong, limited", "reason"
        )
        self.commands = count("commands", "Commands sent, by what came of them", "type", "outcome")
        self.starts_limited = count("starts_limited", "Starts refused by quota")
        self.waiting = gauge("waiting", "Long polls that wait now")
        self.not_waited = count(
            "not_waited", "Long polls answered at once, since too many wait (answer-at-once)"
        )
        self.streams = gauge("streams", "Responses being streamed now", "kind")
        self.streams_cut = count(
            "streams_cut",
            "Streams ended early: cut-slow, missed, shutdown, took-nothing, truncated",
            "kind",
            "reason",
        )
        self.events = count("task_events", "Task events heard on the bus")
        self.dissected = count(
            "dissected",
            "Packets taken apart: done, failed, slow, deadly, refused (too-many-packets), "
            "unavailable, unknown (link type)",
            "outcome",
        )
        self.digests_differ = count(
            "digests_differ", "Files that were not what they were when they were first sent"
        )
        self.feeds = count(
            "feeds", "Troubles of live exports: away, history-lost", "endpoint", "trouble"
        )
        self.exported_bytes = count("exported_bytes", "Bytes of pcapng files sent")

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(_PREFIX + name, meaning, labels, registry=self.registry)

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(_PREFIX + name, meaning, labels, registry=self.registry)
