"""`capflow tail`."""

import click

from services.client.commands import naming
from services.client.commands.arguments import Count, Position, Session
from services.client.commands.declaring import acts, command, json_option

EXAMPLES = """
capflow tail SESSION                          a line a packet, as tcpdump --number
capflow tail SESSION -f 'udp port 53' -c 10   ten packets of one kind
capflow tail SESSION --from beginning         all that is stored, and then live
capflow tail SESSION -w - | tshark -i -       into other tools, as pcapng
"""


@command(EXAMPLES)
@click.argument("session", type=Session(), shell_complete=naming.sessions())
@click.option(
    "--from",
    "start",
    type=Position(),
    metavar="live|beginning|N",
    help="Begin here; by default live, or the beginning of a capture that has ended.",
)
@click.option("-f", "--filter", default="", help="Show only these (pcap-filter(7)).")
@click.option(
    "-c", "-n", "--count", type=Count(), help="End after so many packets, as tcpdump's -c."
)
@click.option(
    "-w",
    "--write",
    metavar="FILE",
    type=click.Path(),
    help="Write pcapng to FILE; - is standard output.",
)
@json_option("each packet on a line of its own")
@acts("tail")
def tail() -> None:
    """Watch the capture SESSION; Ctrl-C ends the viewer only.

    A lost connection is taken up again at the packet where it was. Addresses are never looked up.
    """
