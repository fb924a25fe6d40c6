"""Messages as AMQP 0-9-1 carries them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from aiormq import spec
from aiormq.abc import DeliveredMessage

from contracts.topology import (
    CONTENT_TYPE,
    KEEPALIVE,
    MESSAGE_VERSION,
    PREFIX,
    TRACE_HEADER,
    VERSION_HEADER,
)
from services.runtime.bus.port import Incoming, Outgoing
from services.runtime.bus.trace import traceparent

_TRANSIENT, _PERSISTENT = 1, 2
# Replies and KeepAlives are repeated anyway, so the broker need not write them to its disk.
_NOT_KEPT: Final = frozenset({"", KEEPALIVE})


@dataclass(frozen=True, slots=True)
class Sender:
    """Who we are to the broker."""

    service: str
    user: str | None

    def properties(
        self, exchange: str, message: Outgoing, reply_to: str | None = None
    ) -> spec.Basic.Properties:
        """The properties of a message that is sent now to `exchange`."""
        expiration = message.expiration
        return spec.Basic.Properties(
            content_type=CONTENT_TYPE,
            headers={
                VERSION_HEADER: MESSAGE_VERSION,
                TRACE_HEADER: traceparent(),
                **message.headers,
            },
            delivery_mode=_TRANSIENT if exchange in _NOT_KEPT else _PERSISTENT,
            correlation_id=message.correlation_id,
            reply_to=reply_to,
            expiration=None if expiration is None else str(int(expiration * 1000)),
            message_id=message.message_id,
            timestamp=datetime.now(UTC),
            message_type=message.type,
            user_id=self.user,
            app_id=f"{PREFIX}-{self.service}",
        )


def incoming(message: DeliveredMessage) -> Incoming:
    """A message that the broker delivered. Its content encoding is never honoured."""
    properties = message.header.properties
    return Incoming(
        type=properties.message_type or "",
        body=message.body,
        message_id=properties.message_id or str(uuid4()),  # the sender gave it none
        routing_key=message.routing_key or "",
        correlation_id=properties.correlation_id,
        reply_to=properties.reply_to,
        user_id=properties.user_id,
        app_id=properties.app_id,
        redelivered=bool(message.redelivered),
        headers=properties.headers or {},
    )
