"""Every metric of the gateway."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_ANSWER_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 30, 60)


class Metrics:
    """The gateway's metrics, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "capflow_gateway_requests",
            "Requests answered",
            ["method", "route", "status"],
            registry=registry,
        )
        self.request_seconds = Histogram(
            "capflow_gateway_request_seconds",
            "Time to answer a request",
            ["route"],
            buckets=_ANSWER_SECONDS,
            registry=registry,
        )
        self.not_authenticated = Counter(
            "capflow_gateway_not_authenticated",
            "Requests without a valid key, by reason: none, wrong, limited",
            ["reason"],
            registry=registry,
        )
        self.commands = Counter(
            "capflow_gateway_commands",
            "Commands sent, by what came of them",
            ["type", "outcome"],
            registry=registry,
        )
        self.starts_limited = Counter(
            "capflow_gateway_starts_limited", "Starts refused by quota", registry=registry
        )
        self.waiting = Gauge(
            "capflow_gateway_waiting", "Long polls that wait now", registry=registry
        )
        self.not_waited = Counter(
            "capflow_gateway_not_waited",
            "Long polls answered at once because too many wait (answer-at-once)",
            registry=registry,
        )
        self.streams = Gauge(
            "capflow_gateway_streams", "Responses being streamed now", ["kind"], registry=registry
        )
        self.streams_cut = Counter(
            "capflow_gateway_streams_cut",
            "Streams ended by the gateway, by reason (cut-slow, missed, took-nothing, truncated)",
            ["kind", "reason"],
            registry=registry,
        )
        self.events = Counter(
            "capflow_gateway_task_events", "Task events heard on the bus", registry=registry
        )
        self.exported_bytes = Counter(
            "capflow_gateway_exported_bytes", "Bytes of pcapng files sent", registry=registry
        )
