"""Open the bus that a setting names."""

from urllib.parse import urlsplit

from services.runtime.bus.memory import MemoryBus
from services.runtime.bus.port import Bus
from services.runtime.bus.rabbit import RabbitBus
from services.runtime.errors import BadSetting


async def open_bus(url: str, service: str, memory: MemoryBus | None = None) -> Bus:
    """The bus at `url` for `service` (`gateway`, `dispatcher`, `agent`, or another name).

    `memory://` is `memory`, which the services of one process share. A broker that is away is no
    error: the bus connects as soon as it is there, and says so in `connected`.
    """
    match urlsplit(url).scheme:
        case "memory":
            return memory or MemoryBus()
        case "amqp" | "amqps":
            return await RabbitBus.open(url, service)
    raise BadSetting("CAPFLOW_BUS_URL must be memory:// or amqp(s)://user:password@host:port/vhost")
