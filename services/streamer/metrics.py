"""Every metric of the streamer, named once."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class Metrics:
    """The streamer's metrics in one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, meaning: str, *labels: str) -> Counter:
            return Counter(f"capflow_streamer_{name}", meaning, labels, registry=registry)

        def gauge(name: str, meaning: str, *labels: str) -> Gauge:
            return Gauge(f"capflow_streamer_{name}", meaning, labels, registry=registry)

        self.connections = gauge("connections", "Connections, with those that said nothing yet")
        self.viewers = gauge("viewers", "Viewers that were let in")
        self.sessions = gauge("sessions", "Sessions watched")
        self.recent = gauge("recent_bytes", "Bytes of recent blocks in memory")
        self.held = gauge("held_bytes", "Bytes that slow viewers have not taken yet")
        self.refused = counter("refused", "Connections and starts refused", "code")
        self.cut = counter("cut", "Connections cut", "reason")
        self.sent = counter("sent_packets", "Packets sent to viewers")
        self.filtered = counter("filtered_packets", "Packets that viewers' filters kept back")
        self.gaps = counter("gap_packets", "Packets told to viewers as gaps", "reason")
        self.arrived = counter("blocks_arrived", "Blocks that came by a feed", "endpoint")
        self.read = counter("blocks_read", "Blocks read from a store", "endpoint")
        self.set_aside = counter("blocks_set_aside", "Blocks that could not be believed or read")
        self.not_believed = gauge(
            "documents_set_aside", "Stored documents that were not what they must be", "endpoint"
        )
        self.history_lost = counter("history_lost", "Times a feed lost its history", "endpoint")
        self.away = counter("away", "Times a dependency did not answer", "dependency")
