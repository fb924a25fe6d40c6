"""How a command is declared: with examples in its help, and what it does loaded when it runs."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import click

Option = Callable[[Any], Any]


class Documented(click.Command):
    """A command whose help ends with examples."""

    def __init__(self, *args: Any, examples: str, **more: Any) -> None:
        super().__init__(*args, **more)
        self._examples = examples

    def format_epilog(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The examples, as they would be typed."""
        with formatter.section("Examples"):
            for line in self._examples.strip().splitlines():
                formatter.write(f"{'':{formatter.current_indent}}{line}".rstrip() + "\n")


def command(examples: str) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a command of a function, whose docstring is the help."""
    return click.command(cls=Documented, examples=examples)


def acts(module: str) -> Callable[[Callable[..., Any]], Callable[..., None]]:
    """Let a command run the coroutine `run` of `services.client.actions.<module>`, which gets the
    gateway and the command's options."""

    def decorate(declared: Callable[..., Any]) -> Callable[..., None]:
        def callback(**options: Any) -> None:
            action = import_module(f"services.client.actions.{module}")
            calling = import_module("services.client.actions.calling")
            calling.call(action.run, options)

        callback.__doc__ = declared.__doc__
        callback.__name__ = declared.__name__
        vars(callback).update(vars(declared))  # the options that were declared below
        return callback

    return decorate


def json_option(what: str) -> Option:
    """The option `--json`, as every command that prints data has it."""
    return click.option("--json", "as_json", is_flag=True, help=f"Print {what} as JSON.")


def yes_option() -> Option:
    """The option `--yes` of what asks first."""
    return click.option("-y", "--yes", is_flag=True, help="Do not ask.")


def watch_option() -> Option:
    """The option `--watch` of lists."""
    return click.option(
        "--watch", is_flag=True, help="Go on showing changes; in a pipe, a line for each."
    )
