"""The one way by which messages leave for the broker."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from aiormq import spec
from aiormq.abc import AbstractChannel
from aiormq.exceptions import (
    AMQPError,
    ChannelAccessRefused,
    ChannelInvalidStateError,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
    DeliveryError,
    PublishError,
)

from services.runtime.backoff import delays
from services.runtime.bus.cancelled import cancelled_by_others
from services.runtime.bus.channel import KeptChannel
from services.runtime.bus.limits import PUBLISH_SECONDS
from services.runtime.bus.port import Outgoing
from services.runtime.bus.properties import Sender
from services.runtime.errors import BusUnavailable, Unroutable

_REFUSED = (ChannelAccessRefused, ChannelNotFoundEntity, ChannelPreconditionFailed)
_LOST = (AMQPError, OSError, ChannelInvalidStateError)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message and where it goes."""

    exchange: str
    routing_key: str
    message: Outgoing
    mandatory: bool
    reply_to: str | None = None


class Publisher:
    """Publishes on one channel, again after a reconnect, and gives up after a few seconds.

    A publish returns when the broker has the message. One that is tried again keeps its id, so
    that whoever receives it twice can tell.
    """

    def __init__(self, channel: KeptChannel, sender: Sender) -> None:
        self._channel = channel
        self._sender = sender

    async def publish(self, *envelopes: Envelope) -> None:
        """Publish messages, in this order. Raises Unroutable and BusUnavailable."""
        try:
            async with asyncio.timeout(PUBLISH_SECONDS):
                await self._until_taken(envelopes)
        except TimeoutError:
            if not await self._blocked():
                self._channel.drop_connection()
            raise BusUnavailable(
                f"the broker did not take {envelopes[0].message.type} within {PUBLISH_SECONDS:g} s"
            ) from None

    async def _until_taken(self, envelopes: Sequence[Envelope]) -> None:
        for wait in delays(0.05, 2, 1):
            channel = await self._channel.opened()
            if await self._taken(channel, envelopes):
                return
            await asyncio.sleep(wait)

    async def _taken(self, channel: AbstractChannel, envelopes: Sequence[Envelope]) -> bool:
        """Whether the broker has them; False: the channel was lost, so try the next one."""
        envelope = envelopes[0]
        try:
            await channel.connection.ready()  # while the broker has blocked publishers
            await self._send(channel, envelopes)
        except PublishError:
            raise Unroutable(
                f"no queue takes {envelope.routing_key} of {envelope.exchange}"
            ) from None
        except DeliveryError:
            raise BusUnavailable(f"a queue for {envelope.routing_key} is full") from None
        except _REFUSED as error:
            raise BusUnavailable(f"the broker refuses {envelope.message.type}: {error}") from error
        except _LOST:
            return False
        except asyncio.CancelledError:
            if not cancelled_by_others():
                raise
            return False
        except Exception as error:
            if type(error) is not Exception:
                raise
            return False  # so the library ends what waits on a connection closed without a reason
        return True

    async def _send(self, channel: AbstractChannel, envelopes: Sequence[Envelope]) -> None:
        for envelope in envelopes:
            await channel.basic_publish(
                envelope.message.body,
                exchange=envelope.exchange,
                routing_key=envelope.routing_key,
                properties=self._properties(envelope),
                mandatory=envelope.mandatory,
            )

    def _properties(self, envelope: Envelope) -> spec.Basic.Properties:
        return self._sender.properties(envelope.exchange, envelope.message, envelope.reply_to)

    async def _blocked(self) -> bool:
        """Whether the broker takes nothing because its memory or disk is short.

        Connecting anew would not help then, and would pile up connections.
        """
        channel = self._channel.current
        if channel is None:
            return False
        try:
            async with asyncio.timeout(0):
                await channel.connection.ready()
        except TimeoutError:
            return True
        return False
