"""A table on a terminal, no wider than it is."""

from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.client.table import Column, Row

GUTTER = 2
LEAST = 12
"""Cells that a column keeps whose text may be cut."""


def show(columns: Sequence[Column], rows: Sequence[Row]) -> list[str]:
    """Print a table; gives the heads of the columns that found no room."""
    console = Console()
    grid, hidden = fitted(columns, rows, console.width)
    console.print(grid)
    return hidden


def fitted(columns: Sequence[Column], rows: Sequence[Row], width: int) -> tuple[Table, list[str]]:
    """A table of at most `width` cells, and the heads of the columns left out."""
    natural = [
        max([cell_len(column.head), *(cell_len(row[at]) for row in rows)])
        for at, column in enumerate(columns)
    ]
    kept = _kept(columns, natural, width)
    spare = width - _needed(columns, natural, kept)
    grid = Table(box=None, padding=(0, GUTTER, 0, 0), pad_edge=False, header_style="bold")
    for at in kept:
        cut = columns[at].cut
        most = _least(columns[at], natural[at]) + max(spare, 0) if cut else None
        overflow = "ellipsis" if cut else "fold"  # what may not be cut is folded rather than lost
        grid.add_column(columns[at].head, overflow=overflow, no_wrap=cut, max_width=most)  # type: ignore[arg-type]
    for row in rows:
        grid.add_row(*(_cell(columns[at], row[at]) for at in kept))
    return grid, [column.head for at, column in enumerate(columns) if at not in kept]


def _kept(columns: Sequence[Column], natural: Sequence[int], width: int) -> list[int]:
    kept = list(range(len(columns)))
    while _needed(columns, natural, kept) > width:
        last = max(kept, key=lambda at: columns[at].rank)
        if columns[last].rank == 0:
            break
        kept.remove(last)
    return kept


def _needed(columns: Sequence[Column], natural: Sequence[int], kept: Sequence[int]) -> int:
    return sum(_least(columns[at], natural[at]) + GUTTER for at in kept) - GUTTER


def _least(column: Column, natural: int) -> int:
    return min(natural, LEAST) if column.cut else natural


def _cell(column: Column, text: str) -> Text:
    """As it is: brackets in a name are no markup."""
    return Text(text, style=column.colours.get(text, ""))
