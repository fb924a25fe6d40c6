"""This agent's own traffic: to the bus, to the endpoints, and on one host beyond them."""

import asyncio
from collections.abc import Callable, Iterable

from services.agent.addresses import Lookup, Place, is_local, look_up, place_of, places_of
from services.agent.exclusion import Peer
from services.agent.settings import AgentSettings


class OwnTraffic:
    """Says, at the start of each capture, which peers' traffic is our own."""

    def __init__(
        self,
        settings: AgentSettings,
        *,
        beside: bool = False,
        lookup: Lookup = look_up,
        is_local: Callable[[str], bool] = is_local,
    ) -> None:
        self._upstream = upstream(settings)
        self._named = [place_of(text) for text in settings.exclude.split(",") if text.strip()]
        self._neighbours = neighbours(settings)
        self._inside = beside or not places_of(settings.bus_url)
        self._lookup = lookup
        self._is_local = is_local

    async def peers(self) -> list[Peer]:
        """The peers. A name that nobody can look up now is left out by its port alone: too much
        rather than too little."""
        upstream = await self._resolved(self._upstream)
        named = await self._resolved(self._named)
        return upstream + named + await self._here(upstream)

    async def _here(self, upstream: list[Peer]) -> list[Peer]:
        """Gateway and streamer, where the bus is inside this process or on this host."""
        addresses = {address for peer in upstream for address in peer.addresses}
        if self._inside or any(map(self._is_local, addresses)):
            return await self._resolved(self._neighbours)
        return []

    async def _resolved(self, places: Iterable[Place]) -> list[Peer]:
        return list(await asyncio.gather(*map(self._peer, places)))

    async def _peer(self, place: Place) -> Peer:
        addresses = await self._lookup(place.host) if place.host else frozenset[str]()
        return Peer(addresses, place.port)


def upstream(settings: AgentSettings) -> list[Place]:
    """Where the agent itself connects to."""
    urls = [settings.bus_url, *(endpoint.url for endpoint in settings.endpoint_settings())]
    return [place for url in urls for place in places_of(url)]


def neighbours(settings: AgentSettings) -> list[Place]:
    """Where gateway and streamer listen if they are on this host."""
    ports = (settings.gateway_port, settings.streamer_port)
    return [place_of(f"{_bracketed(settings.host)}:{port}") for port in ports if port]


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
