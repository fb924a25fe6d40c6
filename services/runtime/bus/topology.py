"""Exchanges and queues, declared by the service they belong to, and again when they have gone."""

from dataclasses import dataclass, field

import structlog
from aio_pika.abc import AbstractConnection
from aiormq.abc import AbstractChannel
from aiormq.exceptions import AMQPChannelError
from pamqp.common import FieldValue

from contracts.topology import DEAD, EXCHANGES, QUEUES, ExchangeSpec, QueueSpec

log = structlog.get_logger("capflow.bus")


@dataclass(slots=True)
class Topology:
    """What one service declares; everybody else finds it there, and may not even declare it."""

    exchanges: tuple[ExchangeSpec, ...] = EXCHANGES
    queues: tuple[QueueSpec, ...] = QUEUES
    _complaint: str | None = field(default=None, init=False)

    def owns(self, queue: QueueSpec) -> bool:
        """Whether this service declares `queue`: its exclusive ones always."""
        return queue.exclusive or queue in self.queues

    @property
    def empty(self) -> bool:
        """Whether there is nothing to declare."""
        return not self.exchanges and not self.queues

    async def declare(self, connection: AbstractConnection) -> None:
        """Declare everything; what the broker refuses is logged, and the rest declared.

        Where there is nothing to declare it still shows whether the broker answers.
        """
        complaint = None
        left: list[ExchangeSpec | QueueSpec] = [*self.exchanges, *self.queues]
        while True:
            try:
                async with connection.channel(publisher_confirms=False) as channel:
                    await _declare_all(await channel.get_underlay_channel(), left)
                break
            except AMQPChannelError as error:
                complaint = str(error)
        self._complain(complaint)

    def _complain(self, complaint: str | None) -> None:
        if complaint is not None and complaint != self._complaint:
            log.error(
                "the broker refuses a declaration; delete what differs, or set it right",
                reason=complaint,
            )
        self._complaint = complaint


def topology_of(service: str) -> Topology:
    """The dispatcher owns them all, as does a process that runs every service."""
    if service in ("gateway", "agent", "streamer"):
        return Topology((), ())
    return Topology()


async def declare_queue(channel: AbstractChannel, queue: QueueSpec) -> None:
    """Declare and bind one queue; an exclusive one goes with its consumer."""
    arguments: dict[str, FieldValue] = {"x-queue-type": "quorum" if queue.quorum else "classic"}
    if queue.dead_letters:
        arguments["x-dead-letter-exchange"] = DEAD
    await channel.queue_declare(
        queue.name,
        durable=not queue.exclusive,
        exclusive=queue.exclusive,
        auto_delete=queue.exclusive,
        arguments=arguments,
    )
    await channel.queue_bind(queue.name, queue.exchange, queue.binding)


async def _declare_all(channel: AbstractChannel, left: list[ExchangeSpec | QueueSpec]) -> None:
    """Declare what is left, taking each off the list before the broker may refuse it."""
    while left:
        match left.pop(0):
            case ExchangeSpec() as exchange:
                await channel.exchange_declare(
                    exchange.name, exchange_type=exchange.type, durable=True
                )
            case QueueSpec() as queue:
                await declare_queue(channel, queue)
