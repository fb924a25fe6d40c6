"""The `capflow` command: what to ask, and the services to run."""

import sys

import click

from services.client.commands import COMMANDS as QUESTIONS
from services.client.commands.completion import VARIABLE
from services.client.commands.listing import Commands
from services.standalone.commands import COMMANDS as SERVICES

HELP = """Remote packet capture, on request, live.

New here? `capflow up` runs everything on this machine and prints what to try. With a gateway
elsewhere, set CAPFLOW_URL to its address and CAPFLOW_KEY to an API key.
"""
EPILOG = """\b
Examples:
  capflow resources                       which hosts there are, and their services
  capflow record web-1 eth0               capture into a file until Ctrl-C
  capflow tail $(capflow start web-1 eth0)

\b
`capflow COMMAND --help` has more, with examples. Exit codes: 0 done, 1 refused or
away, 2 wrong usage.
"""


@click.command(
    cls=Commands,
    listed=(*SERVICES, *QUESTIONS),
    help=HELP,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="capflow", message="capflow %(version)s")
def capflow() -> None:
    """Hold the commands."""


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    capflow(prog_name="capflow", complete_var=VARIABLE)
