"""Blocks of captures that are not recorded: an agent's spool may bring them after the capture was
removed, and nobody could ever find or remove them.

They go at the age at which their capture would have gone, and not before: an endpoint whose records
are elsewhere, by a mistake in the settings, loses nothing before its time.
"""

from datetime import datetime

from contracts.names import session_time
from services.dispatcher.metrics import Metrics
from services.packets.endpoints.opening import Endpoints
from services.packets.endpoints.port import PacketStore
from services.runtime import logs

log = logs.get("dispatcher")

_PAGE = 50


class Ownerless:
    """Looks through the names of what is stored, some at each round, round and round."""

    def __init__(self, endpoints: Endpoints, metrics: Metrics) -> None:
        self._endpoints = endpoints
        self._metrics = metrics
        self._seen: dict[str, str] = {}  # the last name looked at, by endpoint

    async def round(self, before: datetime) -> None:
        """Remove, of the names that are next, what was asked for before a time and is not
        recorded. Raises StoreUnavailable."""
        for name, store in self._endpoints.items():
            page = await store.sessions_stored(self._seen.get(name, ""), _PAGE)
            for session in page:
                if _is_older(session, before):
                    await self._remove_unless_recorded(store, session)
            self._seen[name] = page[-1] if len(page) == _PAGE else ""

    async def _remove_unless_recorded(self, store: PacketStore, session: str) -> None:
        if await self._endpoints.first.session(session) is not None:
            return
        await store.delete_blocks(session)
        self._metrics.removed.labels("ownerless").inc()
        log.info("blocks removed that belong to no capture", session=session)


def _is_older(session: str, before: datetime) -> bool:
    try:
        return session_time(session) < before
    except ValueError:  # not a name of ours, so not ours to remove
        return False
