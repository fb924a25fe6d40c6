"""Capture filters: checked by the gateway, which has libpcap's own words for what is wrong."""

import sys

from .access import find_access
from .arguments import Arguments
from .calls import Gateway
from .errors import PluginError, Refused

_TIMEOUT = 3.0


def tell(asked: Arguments, beside: str) -> int:
    """Print what is wrong with a filter: to Wireshark, no output means that it is right."""
    try:
        check(Gateway(find_access(beside), _TIMEOUT), asked.text("extcap-capture-filter"))
    except Refused as error:
        sys.stdout.write(f"{' '.join(str(error).split())}\n")
    return 0


def check(gateway: Gateway, text: str) -> None:
    """Raises Refused where libpcap does not take a filter."""
    if text:
        gateway.call("POST", "/v1/filters/check", {"filter": text})


def chosen_filter(asked: Arguments, gateway: Gateway) -> str:
    """Wireshark's filter and the option's: both hold. Each is checked alone, so that neither
    breaks out of its parentheses. Raises PluginError."""
    given = [asked.text(name) for name in ("extcap-capture-filter", "filter")]
    filters = [text for text in given if text]
    for text in filters:
        try:
            check(gateway, text)
        except Refused as error:
            raise PluginError(f"the filter `{text}` is refused: {error}") from None
    return filters[0] if len(set(filters)) == 1 else " and ".join(f"({each})" for each in filters)
