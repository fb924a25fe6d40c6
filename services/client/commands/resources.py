"""`capflow resources`."""

import click

from services.client.commands import naming
from services.client.commands.arguments import Name
from services.client.commands.declaring import acts, command, json_option, watch_option

EXAMPLES = """
capflow resources              every host with an agent, and its services
capflow resources web-1        one host
capflow resources --watch      stay, and see hosts come and go
"""


@command(EXAMPLES)
@click.argument("resource", type=Name(), required=False, shell_complete=naming.resources)
@watch_option()
@json_option("the resources")
@acts("resources")
def resources() -> None:
    """List hosts with an agent, and what can be captured there (or on one RESOURCE).

    A service is an interface of the host, or what its operator has named: an interface with a
    filter of its own, a recording that is replayed.
    """
