"""`--watch`: a list that stays, redrawn on a terminal; in a pipe a line for each change."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import click
from pydantic import BaseModel

from services.client.errors import passes
from services.client.output import json_line, note
from services.client.table import Column, Row, clean, heads, plain_line, widths
from services.runtime.errors import CapflowError

EVERY = 1.0
"""Seconds: as often as agents report."""

Item = TypeVar("Item", bound=BaseModel)


class Watch(Generic[Item]):
    """One list that is watched."""

    def __init__(
        self,
        columns: Sequence[Column],
        fetch: Callable[[], Awaitable[list[Item]]],
        rows: Callable[[Item], list[Row]],
    ) -> None:
        self._columns = columns
        self._fetch = fetch
        self._rows = rows

    async def run(self, as_json: bool) -> None:
        """Show until cancelled. A gateway that goes away is told, and waited for."""
        items = await self._fetch()
        if as_json:
            await self._append(items, json_line)
        elif sys.stdout.isatty():
            await self._redraw(items)
        else:
            await self._append(items, self._line(items))

    async def _append(self, items: list[Item], show: Callable[[Item], None]) -> None:
        known: list[Item] = []
        while True:
            for item in items:
                if item not in known:
                    show(item)
            sys.stdout.flush()
            known = items
            items = await self._next(known, note)

    def _line(self, items: list[Item]) -> Callable[[Item], None]:
        """Prints the rows of an item, aligned as those that are there at first need it."""
        wide = widths(self._columns, clean([row for item in items for row in self._rows(item)]))
        click.echo(plain_line(heads(self._columns), wide))

        def show(item: Item) -> None:
            for row in clean(self._rows(item)):
                click.echo(plain_line(row, wide))

        return show

    async def _redraw(self, items: list[Item]) -> None:
        from rich.console import Console, Group  # noqa: PLC0415 - no pipe waits for rich
        from rich.live import Live  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        from services.client.rich_table import fitted  # noqa: PLC0415

        console, trouble = Console(), Text(style="yellow")
        with Live(console=console, auto_refresh=False, vertical_overflow="ellipsis") as live:
            while True:
                rows = clean([row for item in items for row in self._rows(item)])
                grid, _ = fitted(self._columns, rows, console.width)
                live.update(Group(grid, trouble) if trouble else grid, refresh=True)
                trouble = Text(style="yellow")
                items = await self._next(items, trouble.append)

    async def _next(self, known: list[Item], tell: Callable[[str], object]) -> list[Item]:
        """The items a moment later; those that are known where the gateway is away."""
        await asyncio.sleep(EVERY)
        try:
            return await self._fetch()
        except CapflowError as error:
            if not passes(error):
                raise
            tell(f"{error}; trying again")
            return known
