"""The warm child process that compiles filters, as its parent sees it."""

from typing import Any

from services.packets.libpcap import LibpcapMissing
from services.runtime.errors import Unavailable
from services.runtime.warmchild import Deadly, TookTooLong, WarmChild

__all__ = ["CompilerUnavailable", "Deadly", "FilterProcess", "TookTooLong"]

_MODULE = "services.packets.filterchild"


class CompilerUnavailable(Unavailable):
    """The process that compiles filters does not start; the same call may succeed later."""


class FilterProcess(WarmChild):
    """Compiles one filter at a time. Beside what its kind raises: LibpcapMissing."""

    def __init__(self) -> None:
        super().__init__("the filter compiler", _arguments, CompilerUnavailable)

    def greeted(self, first: dict[str, Any]) -> None:
        """Raises LibpcapMissing where the child has no libpcap."""
        if "missing" in first:
            raise LibpcapMissing(first["missing"])


def _arguments() -> tuple[str, ...]:
    return ("-S", "-P", "-m", _MODULE)
