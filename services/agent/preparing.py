"""From an order to all that its capture needs, or to the reason why it cannot start."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from contracts.order import MAX_SNAPLEN, Order
from contracts.task import Watched
from services.agent.exclusion import Peer, exclusions
from services.agent.failures import (
    INVALID_FILTER,
    NO_FILTERS,
    UNKNOWN_ENDPOINT,
    UNKNOWN_SERVICE,
    CaptureFailed,
)
from services.agent.groupcommit import BlockStore, GroupCommit
from services.agent.services import Live, Service
from services.agent.source import Rule, Screen, Source
from services.packets import linktypes
from services.packets.endpoints.opening import Endpoints
from services.packets.filterprocess import CompilerUnavailable
from services.packets.filters import FilterCompiler, FilterRefused
from services.packets.libpcap import LibpcapMissing

_WITHOUT_IP = (linktypes.CAN_SOCKETCAN, linktypes.NETLINK, linktypes.BLUETOOTH_LINUX_MONITOR)
"""Link types that carry no IP, and on which libpcap knows no hosts and ports."""

SourceOf = Callable[[Service], Source]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a capture needs; the source is not open yet."""

    source: Source
    screen: Screen
    store: BlockStore
    service: Service
    linktype: int

    @property
    def interface(self) -> str:
        """What others see as the service's interface."""
        return self.service.origin.label

    def watched(self) -> dict[str, Any]:
        """What others are told of the service, as fields of a status."""
        return Watched(
            interface=self.interface,
            linktype=self.linktype,
            service_filter=self.service.filter,
            service_snaplen=self.service.snaplen,
        ).watched()


class Preparer:
    """Finds service and endpoint, compiles the filters, makes the source."""

    def __init__(
        self,
        services: Callable[[], list[Service]],
        endpoints: Endpoints,
        compiler: FilterCompiler,
        own_traffic: Callable[[], Awaitable[list[Peer]]],
        source_of: SourceOf,
    ) -> None:
        self._services = services
        self._endpoints = endpoints
        self._stores = {name: GroupCommit(store) for name, store in endpoints.items()}
        self._compiler = compiler
        self._own_traffic = own_traffic
        self._source_of = source_of

    async def prepare(self, order: Order) -> Prepared:
        """What `order` needs. Raises CaptureFailed."""
        service = self._service(order)
        store = self.store_of(order)
        source = self._source_of(service)
        linktype = await asyncio.to_thread(source.linktype)
        rules = await self._rules(order, service, source, linktype)
        snaplen = min(order.snaplen or MAX_SNAPLEN, service.snaplen or MAX_SNAPLEN)
        return Prepared(source, Screen(rules, snaplen), store, service, linktype)

    def _service(self, order: Order) -> Service:
        services = {service.name: service for service in self._services()}
        if order.service not in services:
            raise CaptureFailed(
                UNKNOWN_SERVICE,
                f"there is no service {order.service} on {order.resource} now; there are "
                + ", ".join(services),
            )
        return services[order.service]

    def store_of(self, order: Order) -> BlockStore:
        """The endpoint that `order` names. Raises CaptureFailed."""
        wanted = order.endpoint
        try:
            known = self._endpoints.ref(wanted.name)
        except KeyError:
            raise CaptureFailed(
                UNKNOWN_ENDPOINT,
                f"the agent has no endpoint {wanted.name}; name it in its CAPFLOW_ENDPOINTS",
            ) from None
        if known.type != wanted.type:
            raise CaptureFailed(
                UNKNOWN_ENDPOINT,
                f"the agent's endpoint {wanted.name} is {known.type}, and {wanted.type} is wanted",
            )
        return self._stores[wanted.name]

    async def _rules(
        self, order: Order, service: Service, source: Source, linktype: int
    ) -> tuple[Rule, ...]:
        """Ours first. What a recording holds is nobody's own traffic, so they are for live ones."""
        own: list[str] = []
        if isinstance(service.origin, Live) and linktype not in _WITHOUT_IP:
            own = exclusions(await self._own_traffic())
        texts = [text for text in (*own, service.filter, order.filter) if text.strip()]
        return tuple([await self._rule(text, linktype, source) for text in texts])

    async def _rule(self, text: str, linktype: int, source: Source) -> Rule:
        kernel = source.filters_in_kernel
        try:
            program = await self._compiler.compile(text, linktype, kernel=kernel)
        except FilterRefused as refused:
            raise CaptureFailed(INVALID_FILTER, f"filter {text!r}: {refused}") from None
        except (LibpcapMissing, CompilerUnavailable) as error:
            raise CaptureFailed(NO_FILTERS, str(error)) from error
        return Rule(text, program)
