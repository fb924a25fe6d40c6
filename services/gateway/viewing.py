"""Tickets for viewers, with the address that they are for."""

from datetime import timedelta

from contracts.rest import Ticket
from services.gateway.roles import Caller
from services.gateway.settings import GatewaySettings
from services.runtime.tickets import Tickets

LIFETIME = timedelta(minutes=5)


class TicketOffice:
    """Signs tickets for the streamer."""

    def __init__(self, settings: GatewaySettings, secret: str) -> None:
        self._settings = settings
        self._tickets = Tickets(secret)

    def ticket(self, session: str, caller: Caller, asked_host: str) -> Ticket:
        """The right to watch `session` for a few minutes, for one who asked us as `asked_host`."""
        ticket, expires_at = self._tickets.sign(session, caller.name, LIFETIME)
        url = self._settings.stream_address(asked_host)
        return Ticket(url=url, ticket=ticket, expires_at=expires_at)
