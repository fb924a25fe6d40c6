"""`capflow start`."""

import click

from services.client.commands.declaring import acts, command, json_option
from services.client.commands.ordering import order_options

EXAMPLES = """
capflow start web-1 eth0                           prints the session
capflow start web-1 eth0 -f 'tcp port 443' -s 128  headers of one port
capflow start web-1 eth0 --seconds 2h --keep       two hours, watched or not
capflow tail $(capflow start web-1 eth0)           start and watch
"""


@command(EXAMPLES)
@order_options
@click.option("--keep", is_flag=True, help="Go on when nobody watches.")
@click.option("--task-id", type=click.UUID, help="So that a repeated start happens once.")
@click.option("--no-wait", is_flag=True, help="Do not wait until it runs.")
@json_option("the answer")
@acts("start")
def start() -> None:
    """Start a capture of SERVICE on RESOURCE, and print its session.

    It ends by itself: after a time, after so many bytes, and without --keep when nobody watches.
    """
