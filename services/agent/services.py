"""What can be watched on this host."""

from dataclasses import dataclass
from pathlib import Path

from contracts.keepalive import ServiceInfo
from contracts.names import fit_name

DEMO = "demo"
"""The replay service that is always there and needs no right to capture."""
DEMO_FILE = Path(__file__).with_name("demo.pcapng")


@dataclass(frozen=True, slots=True)
class Live:
    """A network interface."""

    interface: str

    @property
    def label(self) -> str:
        """What others see as the service's interface."""
        return self.interface


@dataclass(frozen=True, slots=True)
class Recording:
    """A capture file that is replayed."""

    file: Path
    speed: float | None = 1.0
    """How much faster than it was recorded; None is as fast as possible."""
    loop: bool = False

    @property
    def label(self) -> str:
        """What others see as the service's interface."""
        return f"replay:{self.file.name}"


@dataclass(frozen=True, slots=True)
class Service:
    """Something to watch, under a name."""

    name: str
    origin: Live | Recording
    filter: str = ""
    snaplen: int | None = None

    def info(self) -> ServiceInfo:
        """The service as KeepAlives list it."""
        return ServiceInfo(
            service=self.name,
            interface=self.origin.label,
            filter=self.filter,
            snaplen=self.snaplen,
        )


def demo_service() -> Service:
    """The service that replays the file which comes with the agent, round and round."""
    return Service(DEMO, Recording(DEMO_FILE, loop=True))


def of_interfaces(interfaces: list[str]) -> list[Service]:
    """A service for each interface, of the interface's own name made to fit the name rule.

    Two that fit to one name, and one that fits to `demo`, are told apart by a number.
    """
    named: dict[str, Service] = {}
    for interface in interfaces:
        name = _free_name(interface, {DEMO, *named})
        named[name] = Service(name, Live(interface))
    return list(named.values())


def _free_name(interface: str, taken: set[str]) -> str:
    fitted = fit_name(interface.replace(".", "-"), default="interface")
    name, number = fitted, 2
    while name in taken:
        name, number = f"{fitted[:59]}-{number}", number + 1
    return name
