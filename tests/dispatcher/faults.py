"""Stores that can be away."""

import asyncio
from typing import Any

from services.packets.endpoints.opening import Endpoints
from services.runtime.errors import StoreUnavailable


class FaultyStore:
    """A packet store that can be sent away."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.away = False

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not asyncio.iscoroutinefunction(found) or name == "close":
            return found

        async def call(*args: Any, **kwargs: Any) -> Any:
            if self.away:
                raise StoreUnavailable("the store was sent away")
            return await found(*args, **kwargs)

        return call


def faulty(endpoints: Endpoints) -> tuple[Endpoints, FaultyStore]:
    """The endpoints, the first of which can be sent away."""
    store = FaultyStore(endpoints.first)
    others = {name: each for name, each in endpoints.items() if name != endpoints.first_name}
    stores: Any = {endpoints.first_name: store, **others}
    return Endpoints(stores), store
