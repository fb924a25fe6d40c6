"""`capflow show`."""

import click

from services.client.commands import naming
from services.client.commands.arguments import Session
from services.client.commands.declaring import acts, command, json_option

EXAMPLES = """
capflow show web-1.eth0.20260102030405        how it was asked for, how it ended, its ledger
capflow show web-1.eth0.20260102030405 17     packet 17: every layer and field, and its bytes
"""


@command(EXAMPLES)
@click.argument("session", type=Session(), shell_complete=naming.sessions())
@click.argument("packet", required=False, type=click.IntRange(0, 2**63 - 1))
@json_option("it")
@acts("show")
def show() -> None:
    """Show all of one capture, or of one PACKET of it by its number."""
