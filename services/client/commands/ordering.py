"""The options of what starts a capture: `capflow start` and `capflow record`."""

from collections.abc import Callable
from typing import Any

import click

from services.client.commands import naming
from services.client.commands.arguments import Bytes, Name, Seconds

_WHERE = (
    click.argument("resource", type=Name(), shell_complete=naming.resources),
    click.argument("service", type=Name(), shell_complete=naming.services),
)
_WHAT = (
    click.option("-f", "--filter", default="", help="pcap-filter(7); narrows the service's own."),
    click.option("-s", "--snaplen", type=int, help="Bytes kept of each packet; by default all."),
    click.option(
        "--seconds", type=Seconds(), help="End after this long, as 90, 5m or 2h; by default 10m."
    ),
    click.option("--packets", type=int, help="End after so many packets."),
    click.option(
        "--bytes",
        type=Bytes(),
        help="End after so many bytes, as 4096 or 200MiB; by default 1GiB.",
    ),
    click.option("--endpoint", help="Where to store; by default the first endpoint."),
    click.option(
        "--idle-seconds",
        type=int,
        help="End when nobody has watched for so long; by default 60.",
    ),
)


def order_options(declared: Callable[..., Any]) -> Callable[..., Any]:
    """What can be said of a capture that is to start."""
    for option in reversed(_WHERE + _WHAT):
        declared = option(declared)
    return declared
