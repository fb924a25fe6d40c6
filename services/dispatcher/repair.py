"""Ledgers of captures whose agent cannot give them, from what the endpoint holds."""

from contracts.ledger import Ledger
from contracts.task import Capture, CaptureStatus, StopReason
from services.dispatcher import ledgers
from services.packets.endpoints.opening import Endpoints
from services.packets.endpoints.port import Stored


class Repair:
    """Counts in the endpoints what was stored."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints

    async def ledger(self, capture: Capture, last: Ledger) -> Ledger:
        """The ledger as far as it can be known. Raises StoreUnavailable."""
        return ledgers.repaired(last, await self._stored(capture, last))

    async def status(self, capture: Capture, status: CaptureStatus) -> CaptureStatus:
        """An agent's report; of a capture that did not survive its agent, with a ledger that is
        as good as can be, and the word that the rest is unknown."""
        restarted = status.stop_reason is StopReason.AGENT_RESTARTED
        if not (restarted or status.recovered) or not status.state.ended:
            return status
        ledger = await self.ledger(capture, ledgers.later(capture.ledger, status.ledger))
        error = status.error
        if restarted and error is None:
            error = ledgers.unknown_tail(StopReason.AGENT_RESTARTED, ledger)
        return status.model_copy(update={"ledger": ledger, "error": error})

    async def _stored(self, capture: Capture, last: Ledger) -> Stored:
        try:
            endpoint = self._endpoints.get(capture.endpoint.name)
        except KeyError:  # no longer configured here: what was reported is all there is
            return Stored(last.stored, last.blocks, last.bytes)
        return await endpoint.stored(capture.session)
