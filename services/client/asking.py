"""Asking before something is gone for good."""

import sys

import click


def sure(question: str, yes: bool) -> None:
    """Return if the answer is yes; ends with 1 where it is no. Raises UsageError off a terminal,
    where nobody can answer."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("nobody can be asked here: say --yes")
    click.confirm(question, abort=True, err=True)
