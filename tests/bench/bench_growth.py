"""What grows when there is more of everything, and what must not."""

from tests.bench.growth_captures import captures_grow
from tests.bench.growth_memory import memory_stays
from tests.bench.growth_quiet import quiet_captures
from tests.bench.growth_stored import large_captures
from tests.bench.report import Report
from tests.bench.servers import real_servers
from tests.bench.wire import Wire

TITLE = "more captures, quiet captures, large captures, and ten minutes of too much"


def run(report: Report) -> None:
    """Measure each, on servers of its own."""
    with Wire() as wire:
        with real_servers(report) as servers:
            captures_grow(report, servers, wire)
        with real_servers(report) as servers:
            quiet_captures(report, servers)
        with real_servers(report) as servers:
            large_captures(report, servers)
        with real_servers(report) as servers:
            memory_stays(report, servers, wire)
