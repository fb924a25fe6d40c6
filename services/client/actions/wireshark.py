"""What `capflow wireshark` does: it asks no gateway."""

from pathlib import Path

import click

from services.client.actions.calling import WRONG, fail
from services.client.output import note
from services.client.plugin import Plugin, personal_folder, system_folder
from services.client.settings import ClientSettings
from services.runtime.errors import BadSetting
from services.runtime.settings import load

_REMEDY = "capflow wireshark install"


def run(command: str, system: bool, folder: Path | None) -> None:
    """Run a command of the group on the plug-in in a folder."""
    try:
        plugin = Plugin(folder or (system_folder() if system else personal_folder()))
        if command == "install":
            _install(plugin, everybody=system)
        elif command == "uninstall":
            _uninstall(plugin)
        else:
            _status(plugin)
    except BadSetting as error:
        fail(str(error), code=WRONG)


def _install(plugin: Plugin, everybody: bool) -> None:
    plugin.install(None if everybody else load(ClientSettings))
    click.echo(plugin.program)
    note("in Wireshark: Capture, Refresh Interfaces; in a shell: tshark -D")


def _uninstall(plugin: Plugin) -> None:
    note(f"removed {plugin.program}" if plugin.remove() else f"nothing is in {plugin.folder}")


def _status(plugin: Plugin) -> None:
    if wrong := plugin.fault():
        fail(wrong, _REMEDY)
    click.echo(plugin.program)
