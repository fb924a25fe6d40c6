"""Wireshark's plug-in: whether it is there, can be run, and is this Capflow's."""

from services.client.plugin import Plugin, personal_folder, system_folder
from services.runtime.errors import BadSetting
from services.standalone.examining.finding import Finding, note, ok, warn

_NAME = "Wireshark"
_INSTALL = "capflow wireshark install"


def examine() -> list[Finding]:
    """A finding for each place where the plug-in is, or one that it is nowhere."""
    personal = Plugin(personal_folder())
    found = [_plugin(personal, _INSTALL)] if personal.exists else []
    try:
        shared = Plugin(system_folder())
    except BadSetting:
        return found or [note(_NAME, "neither tshark nor our plug-in for it is here")]
    if shared.exists:
        found.append(_plugin(shared, f"{_INSTALL} --system"))
    step = f"`{_INSTALL}` makes every service an interface of Wireshark and tshark"
    return found or [note(_NAME, f"no plug-in is in {personal.folder}", step)]


def _plugin(plugin: Plugin, install: str) -> Finding:
    if wrong := plugin.fault():
        return warn(_NAME, wrong, f"`{install}` puts this Capflow's there")
    return ok(_NAME, f"the plug-in {plugin.program} is this Capflow's")
