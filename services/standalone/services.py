"""The four services by name, each imported when it is needed and not before."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from services.runtime.settings import ServiceSettings


@dataclass(frozen=True, slots=True)
class Service:
    """A service by its names."""

    name: str
    settings_name: str
    does: str

    def settings_class(self) -> "type[ServiceSettings]":
        """The class of its settings."""
        module = import_module(f"services.{self.name}.settings")
        found: type[ServiceSettings] = getattr(module, self.settings_name)
        return found

    def main(self) -> Callable[[Any, Any], Awaitable[None]]:
        """Its coroutine `main(settings, stop)`."""
        found: Callable[[Any, Any], Awaitable[None]] = import_module(
            f"services.{self.name}.app"
        ).main
        return found


SERVICES = (
    Service("gateway", "GatewaySettings", "Answer the REST API and serve the page."),
    Service("dispatcher", "DispatcherSettings", "Decide what runs where, and record it."),
    Service("streamer", "StreamerSettings", "Send stored packets to viewers (WebSocket)."),
    Service("agent", "AgentSettings", "Capture packets on this host, as it is told."),
)
