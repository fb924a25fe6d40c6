"""Where the gateway is and which key it takes: as told, or as this machine's own tells."""

from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

ADDRESS_FILE = "gateway.url"
"""In the data folder: where the gateway of this machine listens, while it does."""
KEY_FILE = "admin.key"
"""In the data folder: the admin key made at the first start."""


def address(told: str | None, folder: Path, *, host: str, port: int) -> str:
    """The gateway's address: as told, or as recorded by this machine's, or where one is."""
    default = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    recorded = None if told else _text(folder / ADDRESS_FILE)
    return (told or recorded or default).rstrip("/")


def secret(told: str | None, folder: Path, *, url: str | None) -> str | None:
    """The API key, as told, or this machine's admin key: which goes to no other machine, whatever
    address is told."""
    return told or (_text(folder / KEY_FILE) if url is None or _here(url) else None)


def _here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except OSError:
        return None
