"""The bus on RabbitMQ."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Self

import structlog
from yarl import URL

from contracts.topology import DEAD, PREFIX, QueueSpec
from services.runtime.bus.ackrule import AckRule, Bury
from services.runtime.bus.channel import KeptChannel
from services.runtime.bus.consuming import RabbitSubscription
from services.runtime.bus.deadletter import dead_copy
from services.runtime.bus.link import Link
from services.runtime.bus.mailbox import RabbitMailbox
from services.runtime.bus.port import (
    Handler,
    Incoming,
    Mailbox,
    Outgoing,
    Quick,
    Receiver,
    Subscription,
)
from services.runtime.bus.properties import Sender
from services.runtime.bus.publishing import Envelope, Publisher
from services.runtime.bus.replying import OneWrite, Replier
from services.runtime.bus.replyto import check_reply_to
from services.runtime.bus.topology import Topology, topology_of
from services.runtime.errors import BadSetting

OPEN_SECONDS = 6.0
"""How long opening waits for the broker before it goes on without."""

log = structlog.get_logger("capflow.bus")


class RabbitBus:
    """Two connections: what is published never waits behind what is consumed, nor is it blocked
    together with it when the broker is short of memory."""

    def __init__(self, url: str, service: str, topology: Topology) -> None:
        address = _parse(url)
        self._topology = topology
        self._out = Link(address, f"{PREFIX}-{service} publish")
        self._in = Link(address, f"{PREFIX}-{service} consume", topology.declare)
        self._sender = Sender(service, address.user)
        self._confirmed = KeptChannel(self._out, "publish", confirms=True)
        self._unconfirmed = KeptChannel(self._out, "reply")
        self._publisher = Publisher(self._confirmed, self._sender)
        self._replier = Replier(OneWrite(self._unconfirmed, self._sender))

    @classmethod
    async def open(cls, url: str, service: str, topology: Topology | None = None) -> Self:
        """A bus that connects now, or as soon as the broker is there."""
        # What it logs at each try we say once, in our own words.
        logging.getLogger("aiormq").setLevel(logging.CRITICAL)
        bus = cls(url, service, topology or topology_of(service))
        bus._start()
        with suppress(TimeoutError):
            async with asyncio.timeout(OPEN_SECONDS):
                await bus._opened()
        return bus

    @property
    def connected(self) -> bool:
        """Whether each connection that is meant to be there is."""
        return all(link.connected for link in self._links)

    @property
    def regained(self) -> float:
        """When the last of them was made."""
        return max(link.regained for link in self._links)

    async def publish(
        self, exchange: str, routing_key: str, message: Outgoing, *, mandatory: bool = True
    ) -> None:
        """See `Bus.publish`."""
        await self._publisher.publish(Envelope(exchange, routing_key, message, mandatory))

    async def reply(self, reply_to: str, message: Outgoing) -> None:
        """See `Bus.reply`; returns when the answer is on its way."""
        check_reply_to(reply_to)
        await self._replier.reply(Envelope("", reply_to, message, mandatory=False))

    async def reply_all(self, answers: Sequence[tuple[str, Outgoing]]) -> None:
        """See `Bus.reply_all`; returns when they are on their way."""
        for reply_to, _ in answers:
            check_reply_to(reply_to)
        if answers:
            await self._replier.reply(*(Envelope("", to, each, False) for to, each in answers))

    async def mailbox(self, receiver: Receiver) -> Mailbox:
        """See `Bus.mailbox`; what is sent waits a moment for the connection."""
        return RabbitMailbox(self._out, self._sender, receiver)

    async def consume(
        self, queue: QueueSpec, handler: Handler, quick: Quick | None = None
    ) -> Subscription:
        """See `Bus.consume`; with the broker away it begins when that is back."""
        self._in.start()
        rule = AckRule(queue, handler, self._bury(queue))
        subscription = RabbitSubscription(
            self._in, queue, rule, quick, declares=self._topology.owns(queue)
        )
        with suppress(TimeoutError):
            async with asyncio.timeout(OPEN_SECONDS if self._out.connected else 0):
                await subscription.started()
        return subscription

    async def close(self) -> None:
        """Close both connections, in a few seconds even where the broker is frozen."""
        await self._replier.close()
        await asyncio.gather(self._confirmed.close(), self._unconfirmed.close())
        await asyncio.gather(self._out.close(), self._in.close())

    @property
    def _links(self) -> list[Link]:
        return [link for link in (self._out, self._in) if link.started]

    def _start(self) -> None:
        self._out.start()
        if not self._topology.empty:
            self._in.start()

    async def _opened(self) -> None:
        await self._confirmed.opened()
        for link in self._links:
            await link.connection()

    def _bury(self, queue: QueueSpec) -> Bury:
        async def bury(incoming: Incoming, reason: str) -> None:
            copy = dead_copy(incoming, queue.name, reason)
            await self.publish(DEAD, incoming.routing_key, copy)

        async def drop(_incoming: Incoming, _reason: str) -> None:
            """A queue without dead letters: it has been logged."""

        return bury if queue.dead_letters else drop


def _parse(url: str) -> URL:
    try:
        address = URL(url)
    except ValueError:
        address = URL()
    if address.scheme not in ("amqp", "amqps") or not address.host:
        raise BadSetting(
            "CAPFLOW_BUS_URL must be memory:// or amqp(s)://user:password@host:port/vhost"
        )
    return address
