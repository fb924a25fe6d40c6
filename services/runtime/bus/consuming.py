"""Consume a queue of the broker."""

from aiormq.abc import AbstractChannel, DeliveredMessage

from contracts.topology import QueueSpec
from services.runtime.bus.ackrule import AckRule
from services.runtime.bus.acks import Acks
from services.runtime.bus.channel import KeptChannel, Lose
from services.runtime.bus.crew import Crew
from services.runtime.bus.ending import end_within
from services.runtime.bus.link import Link
from services.runtime.bus.port import Incoming, Quick
from services.runtime.bus.properties import incoming
from services.runtime.bus.topology import declare_queue

CANCEL_SECONDS = 1.5


class RabbitSubscription:
    """A consumer that is there again after its channel, connection or queue was lost."""

    def __init__(
        self, link: Link, queue: QueueSpec, rule: AckRule, quick: Quick | None, *, declares: bool
    ) -> None:
        self._queue = queue
        self._declares = declares
        self._tag = ""
        self._acks: Acks | None = None
        self._crew = Crew(queue.prefetch, rule, quick)
        self._channel = KeptChannel(link, f"consume {queue.name}", setup=self._begin)

    async def started(self) -> None:
        """Wait until the broker knows the consumer."""
        await self._channel.opened()

    async def cancel(self) -> None:
        """Take no more messages, and wait for the handlers under way."""
        self._channel.retire()
        try:
            await self._stop_deliveries()
            await self._crew.finish()
            await self._send_acks()
        finally:
            await self._channel.close()

    async def _begin(self, channel: AbstractChannel, lose: Lose) -> None:
        await channel.basic_qos(prefetch_count=self._queue.prefetch)
        if self._declares:
            await declare_queue(channel, self._queue)
        # The broker cancels a consumer whose queue is deleted.
        channel.on_consumer_cancel_callbacks.add(lambda _frame: lose())
        self._acks = acks = Acks(channel)

        async def take(message: DeliveredMessage) -> None:
            self._crew.give(RabbitDelivery(message, acks))

        begun = await channel.basic_consume(self._queue.name, take)
        self._tag = begun.consumer_tag or ""

    async def _send_acks(self) -> None:
        if self._acks is not None:
            await end_within(CANCEL_SECONDS, self._acks.finish())

    async def _stop_deliveries(self) -> None:
        if (channel := self._channel.current) is not None:
            await end_within(CANCEL_SECONDS, channel.basic_cancel(self._tag))


class RabbitDelivery:
    """A message, and where alone it can be acknowledged."""

    __slots__ = ("_acks", "_tag", "incoming")

    def __init__(self, message: DeliveredMessage, acks: Acks) -> None:
        self.incoming: Incoming = incoming(message)
        self._acks = acks
        self._tag = message.delivery_tag or 0

    @property
    def alive(self) -> bool:
        """Whether it can still be acknowledged."""
        return not self._acks.channel.is_closed

    async def acknowledge(self) -> None:
        """Where the channel is lost the message comes again: handlers expect that."""
        self._acks.add(self._tag)

    def release(self) -> None:
        """The broker delivers it again when the channel is closed."""
