"""The last list of what is wanted, from the bus to the one task that acts on it.

It holds one list: a newer one takes the place of an older one, which says nothing any more.
"""

import asyncio

from contracts.keepalive import Wanted
from contracts.topology import WANTED_TYPE
from services.runtime.bus.codec import decode
from services.runtime.bus.port import Incoming
from services.runtime.errors import Undecodable
from services.runtime.logs import get


class Inbox:
    """Takes replies to KeepAlives; gives the newest."""

    def __init__(self, resource: str) -> None:
        self._resource = resource
        self._latest: Wanted | None = None
        self._arrived = asyncio.Event()
        self._log = get("agent")

    def receive(self, incoming: Incoming) -> None:
        """Take a reply; what is no list for this resource is logged and left."""
        try:
            wanted = decode(incoming, {WANTED_TYPE: Wanted})
        except Undecodable as error:
            self._log.warning("a reply to a KeepAlive cannot be read", error=str(error))
            return
        if wanted.resource != self._resource:
            self._log.warning("a list for another resource", resource=wanted.resource)
            return
        self._latest = newer(self._latest, wanted)
        self._arrived.set()

    async def next(self) -> Wanted:
        """The newest list that has not been given yet."""
        await self._arrived.wait()
        self._arrived.clear()
        latest, self._latest = self._latest, None
        assert latest is not None
        return latest


def newer(one: Wanted | None, other: Wanted) -> Wanted:
    """The list that counts: of the higher revision, or of the later KeepAlive, or the last come."""
    if one is None or one.refused or other.refused:
        return other
    return max((other, one), key=_age)


def _age(wanted: Wanted) -> tuple[int, int]:
    return wanted.revision, -1 if wanted.seq is None else wanted.seq
