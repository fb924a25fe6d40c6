"""Records captures: the record makes a session's name unique."""

from datetime import datetime

from contracts.names import next_session_name, session_name
from contracts.order import Caps, Order
from contracts.task import Capture, StopReason, TaskState
from services.dispatcher.asked import Asked
from services.packets.endpoints.opening import Endpoints
from services.packets.endpoints.port import SessionTaken, TaskKnown


class Recording:
    """Makes captures of starts, within the operator's caps, and records them."""

    def __init__(self, endpoints: Endpoints, caps: Caps) -> None:
        self._endpoints = endpoints
        self._records = endpoints.first
        self._caps = caps

    async def new(self, asked: Asked, now: datetime) -> Capture:
        """Record a start as a new capture, or find the one that it was recorded as."""
        return await self._insert(Capture.of(self._order(asked, now)), asked.digest)

    async def stopped(self, asked: Asked, now: datetime) -> Capture:
        """Record a start whose stop came first."""
        return await self._insert(never_ran(Capture.of(self._order(asked, now)), now), asked.digest)

    async def _insert(self, capture: Capture, digest: str) -> Capture:
        """Record under the first free name from the capture's own on."""
        while True:
            try:
                await self._records.insert_session(capture, digest)
            except TaskKnown as known:
                return known.capture
            except SessionTaken:
                name = next_session_name(capture.session)
                capture = capture.model_copy(update={"session": name})
            else:
                return capture

    def _order(self, asked: Asked, now: datetime) -> Order:
        command = asked.command
        return Order(
            task_id=asked.task_id,
            session=session_name(command.resource, command.service, now),
            resource=command.resource,
            service=command.service,
            filter=command.filter,
            snaplen=command.snaplen,
            limits=command.limits.within(self._caps),
            endpoint=self._endpoints.ref(command.endpoint),
            keep=command.keep,
            idle_seconds=command.idle_seconds,
            requested_by=asked.requested_by,
            requested_at=now,
        )


def never_ran(capture: Capture, now: datetime) -> Capture:
    """A capture that was stopped before anybody took it."""
    fields = {
        "state": TaskState.STOPPED,
        "stop_reason": StopReason.REQUESTED,
        "stopped_at": now,
    }
    return capture.model_copy(update=fields)
