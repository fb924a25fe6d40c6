"""Tickets: the signed right to watch one session for a few minutes (RFC 7519)."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import jwt

AUDIENCE = "capflow-stream"
_ALGORITHM = "HS256"


class TicketRefused(Exception):
    """The ticket is forged, out of date, or for something else."""


class Tickets:
    """Signs tickets and verifies them; both sides need the same secret."""

    def __init__(self, secret: str) -> None:
        self._secret = sha256(secret.encode()).digest()  # as long as RFC 7518 section 3.2 asks

    def sign(
        self, session: str, subject: str, lifetime: timedelta, now: datetime | None = None
    ) -> tuple[str, datetime]:
        """A ticket for `subject` to watch `session`, and when it expires."""
        expires_at = (now or datetime.now(UTC)).replace(microsecond=0) + lifetime
        claims = {"aud": AUDIENCE, "sub": subject, "session": session, "exp": expires_at}
        return jwt.encode(claims, self._secret, algorithm=_ALGORITHM), expires_at

    def verify(self, ticket: str, session: str) -> str:
        """The subject of a ticket for `session`. Raises TicketRefused."""
        try:
            claims = jwt.decode(
                ticket,
                self._secret,
                algorithms=[_ALGORITHM],
                audience=AUDIENCE,
                options={"require": ["exp", "aud", "sub"]},
            )
        except (jwt.PyJWTError, UnicodeError) as error:
            raise TicketRefused(str(error)) from None
        if claims.get("session") != session:
            raise TicketRefused("the ticket is for another session")
        return str(claims["sub"])
