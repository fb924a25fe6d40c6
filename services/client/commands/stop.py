"""`capflow stop`."""

import click

from services.client.commands import naming
from services.client.commands.arguments import Session
from services.client.commands.declaring import acts, command, json_option

EXAMPLES = """
capflow stop web-1.eth0.20260102030405
"""


@command(EXAMPLES)
@click.argument("session", type=Session(), shell_complete=naming.sessions(*naming.RUNNING))
@click.option("--no-wait", is_flag=True, help="Do not wait for the end.")
@json_option("the capture")
@acts("stop")
def stop() -> None:
    """Stop the capture SESSION, wait for its last packet to be stored, and print its ledger.

    Stopping one that has ended already does nothing, and prints the same.
    """
