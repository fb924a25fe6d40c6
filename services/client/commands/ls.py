"""`capflow ls`."""

import click

from services.client.commands import naming
from services.client.commands.declaring import acts, command, json_option, watch_option

STATES = ("requested", "running", "stopping", "lost", "stopped", "failed")

EXAMPLES = """
capflow ls                         captures, newest first
capflow ls --state running         what runs now
capflow ls --resource web-1 -n 5   the last five on one host
capflow ls --watch                 stay, and see packets counted
capflow ls --json | jq -r '.items[].session'
"""


@command(EXAMPLES)
@click.option("--state", type=click.Choice(STATES), help="Only these.")
@click.option("--resource", help="Only those on this host.", shell_complete=naming.resources)
@click.option("--service", help="Only those of this service.", shell_complete=naming.services)
@click.option("-n", "--limit", type=click.IntRange(1, 500), help="How many at most.")
@click.option("--cursor", help="Where the list before this one ended (its `next_cursor`).")
@watch_option()
@json_option("the captures")
@acts("ls")
def ls() -> None:
    """List running and past captures, newest first."""
