"""Which benches there are. Each is a module `bench_<name>` with a `TITLE` and `run(report)`."""

import importlib
from typing import Protocol, cast

from tests.bench.report import Report

NAMES = (
    "capture",
    "wire",
    "start",
    "keepalives",
    "fanout",
    "summaries",
    "growth",
    "embedded",
)


class Bench(Protocol):
    """What a bench's module has."""

    TITLE: str

    def run(self, report: Report) -> None:
        """Measure, and add rows to the report. Ends by itself, leaves nothing behind."""


def bench(name: str) -> Bench:
    """The bench of this name."""
    return cast("Bench", importlib.import_module(f"tests.bench.bench_{name}"))
