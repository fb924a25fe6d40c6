"""A reply address of our own: RabbitMQ's direct reply-to."""

from aiormq.abc import AbstractChannel, DeliveredMessage

from services.runtime.bus.channel import KeptChannel, Lose
from services.runtime.bus.link import Link
from services.runtime.bus.port import Outgoing, Receiver
from services.runtime.bus.properties import Sender, incoming
from services.runtime.bus.publishing import Envelope, Publisher
from services.runtime.bus.replyto import DIRECT_REPLY_TO


class RabbitMailbox:
    """Sends and receives on one channel, as direct reply-to demands.

    A new channel is a new address; what is sent on it carries it, so nobody need know.
    """

    def __init__(self, link: Link, sender: Sender, receiver: Receiver) -> None:
        self._receiver = receiver
        self._channel = KeptChannel(link, "mailbox", confirms=True, setup=self._begin)
        self._publisher = Publisher(self._channel, sender)

    async def send(self, exchange: str, routing_key: str, message: Outgoing) -> None:
        """Publish with this mailbox as `reply_to`."""
        await self._publisher.publish(
            Envelope(exchange, routing_key, message, mandatory=True, reply_to=DIRECT_REPLY_TO)
        )

    async def close(self) -> None:
        """Give the address up."""
        await self._channel.close()

    async def _begin(self, channel: AbstractChannel, _lose: Lose) -> None:
        await channel.basic_consume(DIRECT_REPLY_TO, self._take, no_ack=True)

    async def _take(self, message: DeliveredMessage) -> None:
        self._receiver(incoming(message))
