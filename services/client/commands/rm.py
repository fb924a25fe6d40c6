"""`capflow rm`."""

import click

from services.client.commands import naming
from services.client.commands.arguments import Session
from services.client.commands.declaring import acts, command, json_option, yes_option

EXAMPLES = """
capflow rm web-1.eth0.20260102030405
capflow ls --state failed --json | jq -r '.items[].session' | xargs capflow rm --yes
"""


@command(EXAMPLES)
@click.argument(
    "sessions",
    type=Session(),
    metavar="SESSION...",
    nargs=-1,
    required=True,
    shell_complete=naming.sessions(*naming.ENDED),
)
@yes_option()
@json_option("what was removed")
@acts("rm")
def rm() -> None:
    """Remove ended captures and their packets, for good. Takes an API key with role admin."""
