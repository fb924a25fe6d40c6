"""Open the bus that a setting names.

The library for RabbitMQ is loaded where it is used: one process alone starts without it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from services.runtime.bus.memory import MemoryBus
from services.runtime.bus.port import Bus

if TYPE_CHECKING:
    from services.runtime.bus.rabbit import RabbitBus


async def open_bus(url: str, service: str, memory: MemoryBus | None = None) -> Bus:
    """The bus at `url` for `service` (`gateway`, `dispatcher`, `agent`, or another name).

    `memory://` is `memory`, which the services of one process share. A broker that is away is no
    error: the bus connects as soon as it is there, and says so in `connected`.
    """
    if url.startswith("memory:"):
        return memory or MemoryBus()
    rabbit: type[RabbitBus] = import_module("services.runtime.bus.rabbit").RabbitBus
    return await rabbit.open(url, service)
