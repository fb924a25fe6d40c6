"""Run benches: `python -m tests.bench [NAME...]`; with QUICK=1 only to see that they work."""

import os
import signal
import sys
import time
import traceback
from pathlib import Path

from tests.bench import machine, plots, table
from tests.bench.benches import NAMES, bench
from tests.bench.report import Report

FOLDER = Path("build/bench")
"""Where table and plots go."""


def main(names: list[str]) -> int:
    """Run the benches named, or all; the exit status tells whether each of them ran through."""
    if unknown := [name for name in names if name not in NAMES]:
        print(f"there is no bench {', '.join(unknown)}; there are {', '.join(NAMES)}")
        return 2
    if os.geteuid():
        print("benches make network namespaces and capture packets: run them as root")
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that all is cleared away
    report = Report(quick=bool(os.environ.get("QUICK")))
    facts = machine.facts()
    for name in names or NAMES:
        _run(name, report)
    FOLDER.mkdir(parents=True, exist_ok=True)
    table.write(report, facts, FOLDER / f"{'-'.join(names) or 'all'}.json")
    table.show(report, facts)
    plots.draw(report, FOLDER)
    print(f"table and plots are in {FOLDER}")
    return 1 if report.failures else 0


def _run(name: str, report: Report) -> None:
    """Run one bench; when it breaks, say so and let the others run."""
    began, fast = time.monotonic(), machine.loop_ns()
    try:
        found = bench(name)
        report.say(f"{name}: {found.TITLE}")
        found.run(report)
    except Exception as error:
        traceback.print_exc()
        report.failures[name] = repr(error)
    report.settings[f"{name} took"] = (
        f"{(time.monotonic() - began) / 60:.1f} minutes; a turn of an empty loop in Python took "
        f"{fast:.1f} ns before it and {machine.loop_ns():.1f} after"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
