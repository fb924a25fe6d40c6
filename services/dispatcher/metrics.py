"""Every metric of the dispatcher, named once."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)


class Metrics:
    """Counters and times in a registry of this service's own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, meaning: str, *labels: str) -> Counter:
            return Counter(f"capflow_dispatcher_{name}", meaning, labels, registry=registry)

        self.commands = counter("commands", "Commands answered", "type", "outcome")
        self.replies_refused = counter("replies_refused", "Reply addresses that may not be used")
        self.keepalives = counter("keepalives", "KeepAlives, by what they were worth", "verdict")
        self.keepalive_seconds = Histogram(
            "capflow_dispatcher_keepalive_seconds",
            "Time to answer a KeepAlive, or those that were answered together",
            buckets=_SECONDS,
            registry=registry,
        )
        self.unwanted = counter("unwanted_captures", "Captures told to stop that ended before")
        self.settling_left = counter(
            "settling_left", "KeepAlives whose news were left to the next one", "reason"
        )
        self.reports = counter("reports", "Reports, by what they were worth", "outcome")
        self.transitions = counter("transitions", "States that tasks came to be in", "state")
        self.pushes = counter("pushes", "Wanted lists pushed", "outcome")
        self.adoptions = counter("adoptions", "Resources rebuilt after the task store went back")
        self.restored = counter("restored", "Tasks put back from their records")
        self.reaped = counter("reaped", "Tasks for which time ran out", "cause")
        self.removed = counter("captures_removed", "Stored captures removed", "cause")
        self.away = counter("away", "Rounds left out while something was away", "part")
        self.calm = Gauge(
            "capflow_dispatcher_calm_seconds",
            "Time since broker and task store were last regained",
            registry=registry,
        )
