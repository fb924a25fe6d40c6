"""`capflow wireshark`: a group of commands."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import click

from services.client.commands.declaring import Documented

INSTALL_EXAMPLES = """
capflow wireshark install                       for you; then: tshark -D
CAPFLOW_URL=https://capflow.example CAPFLOW_KEY=$(cat key) capflow wireshark install
sudo capflow wireshark install --system         for everybody on this machine
"""
UNINSTALL_EXAMPLES = """
capflow wireshark uninstall
"""
STATUS_EXAMPLES = """
capflow wireshark status || capflow wireshark install
"""


@click.group()
def wireshark() -> None:
    """Capture from Wireshark and tshark: each service is an interface of theirs."""


def _somewhere(declared: Callable[..., None]) -> Callable[..., None]:
    """Let a command be told the folder, and run what is called as it in the actions."""

    @click.option("--system", is_flag=True, help="For everybody on this machine.")
    @click.option(
        "--folder",
        type=click.Path(path_type=Path, file_okay=False),
        help="In this folder, not where Wireshark looks.",
    )
    def callback(system: bool, folder: Path | None) -> None:
        if system and folder:
            raise click.UsageError("give --system or --folder, not both")
        action = import_module("services.client.actions.wireshark")
        action.run(declared.__name__, system, folder)

    callback.__doc__ = declared.__doc__
    return callback


@wireshark.command("install", cls=Documented, examples=INSTALL_EXAMPLES)
@_somewhere
def install() -> None:
    """Put the plug-in where Wireshark looks.

    CAPFLOW_URL, CAPFLOW_KEY and the data folder's place are kept beside it, for your eyes only, so
    that a Wireshark started from a desktop finds the gateway too. With --system nothing is kept:
    each user has their own.
    """


@wireshark.command("uninstall", cls=Documented, examples=UNINSTALL_EXAMPLES)
@_somewhere
def uninstall() -> None:
    """Take the plug-in and its settings away."""


@wireshark.command("status", cls=Documented, examples=STATUS_EXAMPLES)
@_somewhere
def status() -> None:
    """Say where it is. Ends with 1 if it is absent, of another version, or cannot be run."""
