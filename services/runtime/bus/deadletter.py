"""What a message that nobody can handle becomes."""

from collections.abc import Mapping

from contracts.topology import DEAD_QUEUE_HEADER, DEAD_REASON_HEADER
from services.runtime.bus.port import Incoming, Outgoing

FIRST_DEATH_REASON = "x-first-death-reason"
"""The broker's own header: `expired`, `maxlen`, `delivery_limit`."""

_MAX_REASON = 500
_MAX_HEADERS = 20
_MAX_HEADER = 1000


def dead_copy(incoming: Incoming, queue: str, reason: str) -> Outgoing:
    """A copy for the dead letters of a message from `queue`, with the reason in a header."""
    return Outgoing(
        type=incoming.type,
        body=incoming.body,
        message_id=incoming.message_id,
        correlation_id=incoming.correlation_id,
        headers={
            **_plain(incoming.headers),
            DEAD_REASON_HEADER: _printable(reason),
            DEAD_QUEUE_HEADER: queue,
        },
    )


def dead_reason(incoming: Incoming) -> str | None:
    """Why a message lies in the dead letters: our words, else the broker's."""
    reason = incoming.headers.get(DEAD_REASON_HEADER) or incoming.headers.get(FIRST_DEATH_REASON)
    return None if reason is None else str(reason)


def _plain(headers: Mapping[str, object]) -> dict[str, str]:
    """A few short headers: a hostile table must not be carried on, nor break the copy."""
    kept = [(key, str(value)) for key, value in headers.items() if isinstance(value, str | int)]
    short = [(key, text) for key, text in kept if len(key) < 128 and len(text) < _MAX_HEADER]
    return dict(short[:_MAX_HEADERS])


def _printable(reason: str) -> str:
    text = "".join(char if char.isprintable() else "?" for char in reason)
    return text[:_MAX_REASON]
