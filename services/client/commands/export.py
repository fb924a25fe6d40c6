"""`capflow export`."""

import click

from services.client.commands import naming
from services.client.commands.arguments import Session
from services.client.commands.declaring import acts, command, json_option

EXAMPLES = """
capflow export SESSION                       into SESSION.pcapng
capflow export SESSION -w web.pcapng
capflow export SESSION -w - | tshark -r -
capflow export SESSION --live                wait for the end of one that runs
"""


@command(EXAMPLES)
@click.argument("session", type=Session(), shell_complete=naming.sessions())
@click.option(
    "-w",
    "--write",
    metavar="FILE",
    type=click.Path(),
    help="Write to FILE; - is standard output. By default SESSION.pcapng.",
)
@click.option("--live", is_flag=True, help="Of one that runs: go on until it ends.")
@json_option("file, bytes and SHA-256")
@acts("export")
def export() -> None:
    """Write the capture SESSION to a pcapng file, as Wireshark and others read it.

    The file gets its name once it is whole and its SHA-256 is right: there is never half of one.
    Of a capture that runs it holds what is stored by now, or with --live all until the end.
    """
