"""`capflow key`: a group of commands."""

import click

from services.client.commands import naming
from services.client.commands.arguments import Name
from services.client.commands.declaring import Documented, acts, json_option, yes_option

ROLES = ("viewer", "operator", "admin")

LIST_EXAMPLES = """
capflow key list
"""
CREATE_EXAMPLES = """
capflow key create grafana                      may read captures
capflow key create alice --role operator        may also start and stop them
export CAPFLOW_KEY=$(capflow key create bob)    only the key is on standard output
"""
REVOKE_EXAMPLES = """
capflow key revoke grafana
"""


@click.group()
def key() -> None:
    """List, create and revoke API keys. Takes one with role admin.

    A viewer reads captures, an operator also starts and stops them, an admin also removes them and
    manages keys.
    """


@key.command("list", cls=Documented, examples=LIST_EXAMPLES)
@json_option("the keys")
@acts("key_list")
def list_keys() -> None:
    """List names and roles. The keys themselves are kept by nobody."""


@key.command("create", cls=Documented, examples=CREATE_EXAMPLES)
@click.argument("name", type=Name())
@click.option(
    "--role",
    type=click.Choice(ROLES),
    default=ROLES[0],
    show_default=True,
    help="What it may be used for.",
)
@json_option("name, role and key")
@acts("key_create")
def create() -> None:
    """Create a key called NAME, and print it. It is told this once: only its hash is kept."""


@key.command("revoke", cls=Documented, examples=REVOKE_EXAMPLES)
@click.argument("name", type=Name(), shell_complete=naming.keys)
@yes_option()
@json_option("the name")
@acts("key_revoke")
def revoke() -> None:
    """Revoke the key called NAME. It is refused from now on."""
