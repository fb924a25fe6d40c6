"""The `capflow` command: the services to run, and what to ask of them."""

import sys

import click

from services.client.commands import COMMANDS as QUESTIONS
from services.standalone.commands import COMMANDS as SERVICES

HELP = """Remote packet capture, on request, live.

Begin with `capflow up`, which runs everything on this machine.
"""


@click.group(help=HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="capflow", message="capflow %(version)s")
def capflow() -> None:
    """Hold the commands."""


for _command in (*SERVICES, *QUESTIONS):
    capflow.add_command(_command)


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    capflow()
