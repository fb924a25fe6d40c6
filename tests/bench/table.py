"""The one table, and the same as JSON."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.report import Report, Row

_WIDTH = 170


def show(report: Report, facts: Mapping[str, str]) -> None:
    """Print facts, settings, and a line for each row."""
    console = Console(width=_WIDTH, highlight=False, markup=False)
    for name, value in {**facts, **report.settings}.items():
        console.print(f"{name}: {value}")
    table = Table(show_lines=False)
    for heading in ("bench", "what", "unit"):
        table.add_column(heading, overflow="fold")
    for heading in ("ours", "peer", "ratio", "budget", "met"):
        table.add_column(heading, justify="right", overflow="fold")
    table.add_column("against / notes", overflow="fold")
    for row in report.rows:
        table.add_row(*_cells(row))
    console.print(table)
    for bench, failure in report.failures.items():
        console.print(f"{bench} broke: {failure}")


def write(report: Report, facts: Mapping[str, str], path: Path) -> None:
    """The whole report as JSON."""
    body = {
        "facts": dict(facts),
        "settings": report.settings,
        "quick": report.quick,
        "rows": [_json(row) for row in report.rows],
        "curves": [curve.__dict__ for curve in report.curves],
        "failures": report.failures,
    }
    path.write_text(json.dumps(body, indent=1) + "\n")


def _cells(row: Row) -> list[str]:
    notes = "; ".join(text for text in (row.peer, row.notes) if text)
    theirs = spread(row.theirs, row.peer_median) if row.peer_median is not None else ""
    ratio = f"{row.ratio:.3g}" if row.ratio is not None else ""
    ours = spread(row.ours, row.median)
    return [row.bench, row.what, row.unit, ours, theirs, ratio, _budget(row), _met(row), notes]


def spread(values: Sequence[float], middle: float) -> str:
    """The median, and from where to where the runs went."""
    if len(values) < 2:
        return number(middle)
    return f"{number(middle)} ({number(min(values))}…{number(max(values))})"


def number(value: float) -> str:
    """Three digits that count, without powers of ten."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _budget(row: Row) -> str:
    if row.budget is None:
        return ""
    if row.budget_of == "ratio":
        return f"ratio ≥ {number(row.budget)}"
    return f"{'≥' if row.better == 'higher' else '≤'} {number(row.budget)}"


def _met(row: Row) -> str:
    return {None: "", True: "yes", False: "NO"}[row.met]


def _json(row: Row) -> dict[str, object]:
    derived = {
        "median": row.median,
        "peer_median": row.peer_median,
        "ratio": row.ratio,
        "met": row.met,
    }
    return {**row.__dict__, "ours": list(row.ours), "theirs": list(row.theirs), **derived}
