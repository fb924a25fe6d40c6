"""Tables: fitted to a terminal for people, whole and plain for pipes."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import click

from services.client.output import note
from services.runtime.escaping import escape

Row = Sequence[str]
STATES: Mapping[str, str] = {
    "running": "green",
    "online": "green",
    "requested": "cyan",
    "stopping": "cyan",
    "lost": "yellow",
    "offline": "yellow",
    "failed": "red",
}
"""Colours of states; what is over and well has none."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column, and what becomes of it where there is no room for all."""

    head: str
    rank: int = 0
    """0 is always shown; of the others the highest goes first."""
    cut: bool = False
    """Whether its text may be cut short."""
    colours: Mapping[str, str] = field(default_factory=dict)


def table(columns: Sequence[Column], rows: Sequence[Row]) -> None:
    """Print rows: a table that fits on a terminal, every column in full elsewhere."""
    shown = clean(rows)
    if not sys.stdout.isatty():
        wide = widths(columns, shown)
        for row in (heads(columns), *shown):
            click.echo(plain_line(row, wide))
        return
    from services.client import rich_table  # noqa: PLC0415 - no pipe waits for rich

    hidden = rich_table.show(columns, shown)
    if hidden:
        note(f"not shown for want of width: {', '.join(hidden)}")


def clean(rows: Sequence[Row]) -> list[list[str]]:
    """The rows without anything that could steer a terminal."""
    return [[escape(cell) for cell in row] for row in rows]


def widths(columns: Sequence[Column], rows: Sequence[Row]) -> list[int]:
    """How wide each column must be for its head and all rows."""
    lines = [heads(columns), *rows]
    return [max(map(len, cells)) for cells in zip(*lines, strict=True)]


def plain_line(row: Row, widths: Sequence[int]) -> str:
    """One row, aligned."""
    cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
    return "  ".join(cells).rstrip()


def heads(columns: Sequence[Column]) -> list[str]:
    """The row of heads."""
    return [column.head for column in columns]
