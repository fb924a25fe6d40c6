"""Which gateway to ask, and with which key: what the `capflow` command would take.

First the environment; then what `capflow wireshark install` kept beside the plug-in, since a
Wireshark started from a desktop has no such environment; then this machine's data folder.
"""

import json
import os
from ipaddress import ip_address
from urllib.parse import urlsplit

from .errors import PluginError

CONFIG_FILE = "capflow.json"
"""Beside the plug-in, for its owner's eyes only: `url`, `key` and `data`, each where known."""
ADDRESS_FILE = "gateway.url"
"""In the data folder: where the gateway of this machine listens, while it does."""
KEY_FILE = "admin.key"
"""In the data folder: the admin key made at the first start."""
_DATA = "~/.local/share/capflow"


class Access:
    """A gateway's address, and a key or none."""

    def __init__(self, url: str, key: str | None) -> None:
        self.url = url.rstrip("/")
        self.key = key


def find_access(beside: str) -> Access:
    """Where and with what to ask. Raises PluginError where the kept settings cannot be read."""
    kept = _kept(os.path.join(beside, CONFIG_FILE))
    told = os.environ.get("CAPFLOW_URL")
    data = os.path.expanduser(os.environ.get("CAPFLOW_DATA") or kept.get("data") or _DATA)
    url = told or kept.get("url") or line_of(data, ADDRESS_FILE) or _default()
    key = os.environ.get("CAPFLOW_KEY")
    if not key and (not told or told == kept.get("url")):
        key = kept.get("key")  # it is for the gateway it was kept with, and for no other
    if not key and (not told or is_here(told)):
        key = line_of(data, KEY_FILE)  # which goes to no other machine, whatever address is told
    return Access(url, key)


def is_here(url: str) -> bool:
    """Whether an address is one of this machine's own."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _default() -> str:
    host = os.environ.get("CAPFLOW_HOST") or "127.0.0.1"
    port = os.environ.get("CAPFLOW_GATEWAY_PORT") or "8080"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _kept(path: str) -> dict[str, str]:
    try:
        with open(path, encoding="utf-8") as file:
            kept = json.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise PluginError(f"{path} cannot be read ({error}); install the plug-in anew") from None
    return {str(name): str(value) for name, value in kept.items()} if kept else {}


def line_of(folder: str | os.PathLike[str], name: str) -> str | None:
    """The line that a file holds; None where there is none."""
    try:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            return file.read().strip() or None
    except OSError:
        return None
