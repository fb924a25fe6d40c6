"""What the commands print beside tables: JSON for programs, notes, amounts as people read them."""

import os
import shutil
import sys
from datetime import datetime
from typing import Any, TextIO

import click
from pydantic import BaseModel

from services.runtime.escaping import escape


def json_line(model: BaseModel) -> None:
    """Print a model as one line of JSON, at once."""
    click.echo(model.model_dump_json())
    sys.stdout.flush()


def note(text: str) -> None:
    """A line beside the output, on standard error."""
    tell(f"-- {escape(text)}", dim=True)


def tell(line: str, **style: Any) -> None:
    """A line on standard error, in a style where that takes colour. Whatever stands in for the
    stream, as a progress line does, gets it as a whole."""
    print(click.style(line, **style) if coloured(sys.stderr) else line, file=sys.stderr)


def coloured(stream: TextIO) -> bool:
    """Whether a stream takes colour: a terminal that can, and nobody objects (no-color.org)."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return stream.isatty() and not plain


def invocation() -> str:
    """How this command was called, so that the next one can be copied."""
    return "capflow" if shutil.which("capflow") else os.path.relpath(sys.argv[0])


def moment(at: datetime | None) -> str:
    """A time as people read it, in their own time zone."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S") if at else "-"


def size(count: float) -> str:
    """Bytes as people read them: `12.3 MiB`."""
    amount, unit = float(count), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if amount < 1024 or unit == "TiB":
            break
        amount /= 1024
    return f"{amount:.0f} B" if unit == "B" else f"{amount:.1f} {unit}"
