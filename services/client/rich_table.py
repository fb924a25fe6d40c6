"""A table on a terminal."""

from collections.abc import Sequence

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text


def show(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; what is too wide is folded."""
    grid = Table(box=SIMPLE, header_style="bold", pad_edge=False)
    for head in heads:
        grid.add_column(head, overflow="fold")
    for row in rows:
        grid.add_row(*(Text(cell) for cell in row))  # Text: brackets in a name are no markup
    Console().print(grid)
