"""The start that Wireshark's options ask for."""

from typing import Any
from uuid import uuid4

from .arguments import Arguments
from .errors import PluginError

IDLE_SECONDS = 30
"""How long a capture goes on whose Wireshark has died without a word."""
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_BYTES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12,
          "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}  # fmt: skip


def start_request(asked: Arguments, resource: str, service: str, filter: str) -> dict[str, Any]:
    """The body of `POST /v1/captures`. Raises PluginError, which names the option."""
    limits = {
        "seconds": _quantity(asked, "seconds", _SECONDS),
        "packets": _quantity(asked, "packets", {"": 1}),
        "bytes": _quantity(asked, "bytes", _BYTES),
    }
    body = {
        "resource": resource,
        "service": service,
        "filter": filter,
        "snaplen": _quantity(asked, "snaplen", {"": 1}),
        "limits": {name: value for name, value in limits.items() if value is not None},
        "keep": asked.flag("keep"),
        "idle_seconds": IDLE_SECONDS,
        "task_id": str(uuid4()),
    }
    return {name: value for name, value in body.items() if value is not None}


def _quantity(asked: Arguments, option: str, units: dict[str, int]) -> int | None:
    """A number with its unit; None where the option is empty."""
    text = asked.text(option).lower().removesuffix("b")
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = units.get(text[len(number) :])
    if not asked.text(option):
        return None
    try:
        value = float(number) * unit if unit else 0
        count = int(value)
    except (ValueError, OverflowError):
        count = 0
    if count < 1:
        raise PluginError(f"--{option} {asked.text(option)}: must be a number above 0, with a unit")
    return count
