"""`capflow record`."""

import click

from services.client.commands.declaring import acts, command, json_option
from services.client.commands.ordering import order_options

EXAMPLES = """
capflow record web-1 eth0                            until Ctrl-C, into <session>.pcapng
capflow record web-1 eth0 -w web.pcapng -f 'port 443'
capflow record web-1 eth0 --packets 1000 -w -  | tshark -r -
"""


@command(EXAMPLES)
@order_options
@click.option(
    "-w",
    "--write",
    metavar="FILE",
    type=click.Path(),
    help="Write pcapng to FILE; - is standard output. By default <session>.pcapng.",
)
@json_option("the capture at its end")
@acts("record")
def record() -> None:
    """Capture SERVICE on RESOURCE into a file until Ctrl-C, or until a limit is reached.

    Ctrl-C stops the capture, waits for its end, and takes every packet that was stored: the file
    is whole. If this command is killed, the capture ends by itself when nobody has watched it for
    --idle-seconds, and `capflow export` has the rest.
    """
