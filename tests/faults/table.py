"""The table of a run, and the same as JSON."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.faults.ground import Result
from tests.faults.verdict import INVARIANTS

_WIDTH = 180


def show(results: Sequence[Result]) -> None:
    """Print a line for each fault."""
    console = Console(width=_WIDTH, highlight=False, markup=False)
    table = Table(show_lines=True)
    for heading in ("#", "fault", "injected", "seen"):
        table.add_column(heading, overflow="fold")
    for heading in (*INVARIANTS, "own", "back in"):
        table.add_column(heading, no_wrap=True)
    for result in results:
        table.add_row(*_cells(result))
    console.print(table)
    held = sum(result.held for result in results)
    console.print(f"{held} of {len(results)} faults: everything held")


def write(results: Sequence[Result], path: Path) -> None:
    """All results as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([_json(result) for result in results], indent=1) + "\n")


def _cells(result: Result) -> list[str]:
    outcome = result.outcome
    seen = f"void: {result.void}" if result.void else outcome.seen
    marks = [_mark(result, name) for name in (*INVARIANTS, "own")]
    recovered = "" if outcome.recovered is None else f"{outcome.recovered:.1f} s"
    fault = result.fault
    return [fault.number, fault.title, outcome.injected, seen, *marks, recovered]


def _mark(result: Result, name: str) -> str:
    if result.void or result.broke:
        return "?"
    if result.outcome.verdict.of(name):
        return "NO"
    judged = name in result.fault.judges.split() or name in ("I4", "I5", "I6", "own")
    return "yes" if judged else ""


def _json(result: Result) -> dict[str, Any]:
    verdict = result.outcome.verdict
    return {
        "fault": result.fault.number,
        "title": result.fault.title,
        "seed": result.seed,
        "injected": result.outcome.injected,
        "seen": result.outcome.seen,
        "void": result.void,
        "broke": result.broke,
        "held": result.held,
        "complaints": {name: verdict.of(name) for name in (*INVARIANTS, "own")},
        "recovered": result.outcome.recovered,
        "seconds": round(result.seconds, 1),
    }
