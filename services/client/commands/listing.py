"""The list of commands, each loaded when it is called: `capflow --help` waits for none."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

LOOK = "See what is there"
CAPTURE = "Capture"
KEEP = "Stored captures"
SET_UP = "Set up"
SERVE = "Run one service alone"
SECTIONS = (LOOK, CAPTURE, KEEP, SET_UP, SERVE)
"""The sections of the help, in the order in which a newcomer needs them."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A command in the list."""

    name: str
    section: str
    does: str
    load: Callable[[], click.Command]


def listed(name: str, section: str, does: str, package: str = "services.client.commands") -> Listed:
    """The command `name` of the module of that name in `package`."""

    def load() -> click.Command:
        command: click.Command = getattr(import_module(f"{package}.{name}"), name)
        return command

    return Listed(name, section, does, load)


class Commands(click.Group):
    """A group of listed commands, its help in sections."""

    def __init__(self, *args: Any, listed: Iterable[Listed] = (), **more: Any) -> None:
        super().__init__(*args, **more)
        self._listed = {each.name: each for each in listed}

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Every name."""
        return list(self._listed)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, loaded."""
        found = self._listed.get(cmd_name)
        return found.load() if found else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that `args` name; of a wrong name the error says the nearest ones."""
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            raise click.exceptions.NoSuchCommand(
                error.command_name, possibilities=self._listed, ctx=ctx
            ) from None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The names that begin so, without loading any."""
        names = [each for each in self._listed.values() if each.name.startswith(incomplete)]
        items = [CompletionItem(each.name, help=each.does) for each in names]
        return items or super().shell_complete(ctx, incomplete)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The sections, aligned with one another."""
        width = max(map(len, self._listed))
        for section in SECTIONS:
            rows = [
                (each.name.ljust(width), each.does)
                for each in self._listed.values()
                if each.section == section
            ]
            if rows:
                with formatter.section(section):
                    formatter.write_dl(rows)
