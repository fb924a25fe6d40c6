"""Where the gateway is and which key it takes: as told, or as this machine's own tells.

What of it Wireshark's plug-in must know too is there, since that can take nothing from here.
"""

from pathlib import Path

from services.client.extcap.access import ADDRESS_FILE, KEY_FILE, is_here, line_of

__all__ = ["ADDRESS_FILE", "KEY_FILE", "address", "secret"]


def address(told: str | None, folder: Path, *, host: str, port: int) -> str:
    """The gateway's address: as told, or as recorded by this machine's, or where one is."""
    default = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    recorded = None if told else line_of(folder, ADDRESS_FILE)
    return (told or recorded or default).rstrip("/")


def secret(told: str | None, folder: Path, *, url: str | None) -> str | None:
    """The API key, as told, or this machine's admin key: which goes to no other machine, whatever
    address is told."""
    return told or (line_of(folder, KEY_FILE) if url is None or is_here(url) else None)
