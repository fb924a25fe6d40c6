"""Progress of long work: one line on standard error, on a terminal, gone when it is over."""

import sys
from types import TracebackType
from typing import Any, Self


class Progress:
    """Shows how far something is; nothing where standard error is no terminal, or `shown` is
    false."""

    def __init__(self, what: str, shown: bool = True) -> None:
        self._what = what
        self._shown = shown and sys.stderr.isatty()
        self._bar: Any = None
        self._task: Any = None

    def reached(self, done: float, total: float | None, text: str) -> None:
        """So much of `total` (None: nobody knows) is done; `text` says it in words."""
        if self._bar is not None:
            total = total if total and done < total else None  # what is caught up goes on
            self._bar.update(self._task, completed=done, total=total, description=text)

    def __enter__(self) -> Self:
        if self._shown:
            from rich import progress  # noqa: PLC0415 - no pipe waits for rich
            from rich.console import Console  # noqa: PLC0415

            self._bar = progress.Progress(
                progress.SpinnerColumn(),
                progress.TextColumn("{task.description}", markup=False),
                progress.BarColumn(bar_width=20),
                progress.TimeElapsedColumn(),
                console=Console(stderr=True),
                transient=True,
                redirect_stdout=False,
            )
            self._task = self._bar.add_task(self._what, total=None)
            self._bar.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
