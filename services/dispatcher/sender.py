"""Who asked. Pure."""

from urllib.parse import unquote, urlsplit

from contracts.topology import REQUESTED_BY_HEADER
from services.runtime.bus.port import Incoming

_GATEWAY = "capflow-gateway"
_NOBODY = "bus"
_MOST = 128


def own_user(bus_url: str) -> str | None:
    """The broker's user of our own connection."""
    user = urlsplit(bus_url).username
    return unquote(user) if user else None


def requested_by(incoming: Incoming, own: str | None) -> str:
    """Who sent a command: the user that the broker has validated, or whom a gateway names.

    Where there are no broker users (in one process), the header is as good as it gets.
    """
    named = incoming.headers.get(REQUESTED_BY_HEADER)
    trusted = incoming.user_id in (None, _GATEWAY, own)
    if trusted and isinstance(named, str) and named:
        return _shown(named)
    return _shown(incoming.user_id or incoming.app_id or _NOBODY)


def _shown(name: str) -> str:
    return "".join(c for c in name if c.isprintable())[:_MOST]
