"""What the commands print: JSON for programs, tables for people, plain columns for pipes."""

import os
import shutil
import sys
from collections.abc import Sequence
from datetime import datetime

import click
from pydantic import BaseModel

from services.runtime.escaping import escape

Row = Sequence[str]


def json_line(model: BaseModel) -> None:
    """Print a model as one line of JSON."""
    click.echo(model.model_dump_json())


def table(heads: Row, rows: Sequence[Row]) -> None:
    """Print rows under their heads: a table on a terminal, aligned columns elsewhere."""
    shown = [[escape(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        from services.client.rich_table import show  # noqa: PLC0415 - no pipe waits for rich

        show(heads, shown)
    else:
        _plain_columns([list(heads), *shown])


def note(text: str) -> None:
    """A line beside the output, on standard error."""
    click.echo(f"-- {escape(text)}", err=True)


def invocation() -> str:
    """How this command was called, so that the next one can be copied."""
    return "capflow" if shutil.which("capflow") else os.path.relpath(sys.argv[0])


def moment(at: datetime | None) -> str:
    """A time as people read it, in their own time zone."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S") if at else "-"


def size(count: int) -> str:
    """Bytes as people read them: `12.3 MiB`."""
    amount, unit = float(count), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if amount < 1024 or unit == "TiB":
            break
        amount /= 1024
    return f"{amount:.0f} B" if unit == "B" else f"{amount:.1f} {unit}"


def _plain_columns(rows: Sequence[Row]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())
