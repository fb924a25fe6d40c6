"""How interfaces are named."""

from .errors import PluginError

NOTHING = "capflow"
"""The interface that is listed when there is no other, to say why."""
SERVICE_PREFIX = "capflow-"


def interface_of(resource: str, service: str) -> str:
    """The interface of a service; names have no dots, so it can be read back."""
    return f"{SERVICE_PREFIX}{resource}.{service}"


def service_of(interface: str) -> tuple[str, str]:
    """Resource and service of an interface. Raises PluginError."""
    resource, dot, service = interface.removeprefix(SERVICE_PREFIX).partition(".")
    if not interface.startswith(SERVICE_PREFIX) or not (resource and dot and service):
        raise PluginError(f"there is no interface {interface}; `tshark -D` lists what there is")
    return resource, service
