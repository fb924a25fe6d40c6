"""Packets as JSON: how many a streamer tells a second, and what a viewer with a filter costs."""

from typing import Any

from tests.bench.report import Report, Row
from tests.bench.servers import real_servers
from tests.bench.streaming import Streaming, measured, streaming_on

TITLE = "JSON summaries, and filters"

_PACKETS, _SIZE = 2000, 200
_FILTER = "udp port 4001"
"""Half of the packets pass."""
_SHAPES: dict[str, list[dict[str, Any]]] = {
    "JSON, one viewer": [{"format": "json"}],
    "JSON with raw, one viewer": [{"format": "json", "raw": True}],
    "JSON and a filter, one viewer": [{"format": "json", "filter": _FILTER}],
    "pcapng, one viewer": [{"format": "pcapng"}],
    "pcapng and a filter, one viewer": [{"format": "pcapng", "filter": _FILTER}],
    "JSON and one filter, 10 viewers": [{"format": "json", "filter": _FILTER}] * 10,
    "JSON and a filter each, 10 viewers": [
        {"format": "json", "filter": f"{_FILTER} and len > {number}"} for number in range(10)
    ],
}


def run(report: Report) -> None:
    """Measure each shape as fast as its viewers take it."""
    with real_servers(report) as servers, streaming_on(servers) as ours:
        seen: dict[str, list[dict[str, float]]] = {name: [] for name in _SHAPES}
        for _ in range(report.runs):
            for name, starts in _SHAPES.items():
                seen[name].append(_watch(ours, starts, report.seconds(5)))
        for name, runs in seen.items():
            budget = 100_000 if name == "JSON, one viewer" else None
            rates = [run["packets"] for run in runs]
            what = f"{name}: packets considered"
            report.add(Row("summaries", what, "/s", rates, budget=budget))
            costs = [run["cpu"] / run["packets"] * 1e6 for run in runs]
            what = f"{name}: streamer's CPU for each packet and viewer"
            report.add(Row("summaries", what, "µs", costs, "lower"))


def _watch(ours: Streaming, starts: list[dict[str, Any]], seconds: float) -> dict[str, float]:
    session = ours.session()
    said = [{"from": "live", **start} for start in starts]
    ours.connect(session, len(starts), starts=said)
    feed = ours.feeder(session, 4, _PACKETS, _SIZE)
    seen = measured(ours.crowd, feed, 4 * _PACKETS, seconds, ours.pid)
    ours.crowd.ask(do="leave")
    ours.storing.ask(do="end", session=session)
    return seen
