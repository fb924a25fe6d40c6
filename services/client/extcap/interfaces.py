"""The list of interfaces: every online resource's service, or why there is none."""

import sys
import threading
from typing import Any

from .access import find_access
from .calls import Gateway
from .errors import Away, PluginError
from .naming import NOTHING, interface_of

PATIENCE = 1.5
"""Seconds in which the gateway must answer: whoever starts Wireshark waits for this list."""
_VERSION = "extcap {version=1.0}{display=Capflow}\n"


def tell(beside: str) -> int:
    """Print the list. A fault is an interface that says it: Wireshark shows nothing else."""
    try:
        lines = listing(_resources(beside))
    except PluginError as error:
        lines = [_line(NOTHING, f"Capflow: {error}")]
    sys.stdout.write(_VERSION + "".join(lines))
    return 0


def why_nothing(beside: str) -> str:
    """Why there is no other interface."""
    try:
        listing(_resources(beside))
    except PluginError as error:
        return str(error)
    return "there are resources now: refresh the interfaces"


def listing(resources: list[dict[str, Any]]) -> list[str]:
    """The sentences for these resources, as the gateway gave them."""
    online = [each for each in resources if each["online"]]
    lines = [
        _line(
            interface_of(each["resource"], service["service"]),
            f"Capflow: {service['service']} on {each['resource']}",
        )
        for each in online
        for service in each["services"]
    ]
    if not lines:
        raise PluginError("no resource is online; `capflow resources` says which are known")
    return lines


def _line(value: str, display: str) -> str:
    return f"interface {{value={_plain(value)}}}{{display={_plain(display)}}}\n"


def _plain(text: str) -> str:
    """Text that cannot end a sentence of the grammar, whatever answered."""
    return "".join(c if c.isprintable() and c not in "{}" else " " for c in text)


def _resources(beside: str) -> list[dict[str, Any]]:
    """All resources. In a thread, since nothing bounds the time that a look-up of a name takes."""
    access = find_access(beside)
    gateway = Gateway(access, timeout=PATIENCE)
    found: list[list[dict[str, Any]] | PluginError] = []

    def ask() -> None:
        try:
            found.append(gateway.resources())
        except PluginError as error:
            found.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(PATIENCE)
    answer = found[0] if found else Away(f"the gateway at {access.url} does not answer in time")
    if isinstance(answer, PluginError):
        raise answer
    return answer
