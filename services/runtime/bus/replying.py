"""Answers leave together: those that are given while others are on their way go out as one.

An answer alone takes several turns of the event loop and a system call; KeepAlives are answered by
the thousand.
"""

import asyncio
from collections.abc import Sequence

from aiormq import spec
from aiormq.abc import AbstractChannel, ChannelFrame
from aiormq.channel import Channel
from pamqp.body import ContentBody
from pamqp.header import ContentHeader

from services.runtime.bus.publishing import Envelope, Publisher
from services.runtime.cancelling import cancel
from services.runtime.errors import BusUnavailable


class OneWrite(Publisher):
    """Publishes on a channel without confirms, everything in one write; a publish returns when
    that is on its way."""

    async def _send(self, channel: AbstractChannel, envelopes: Sequence[Envelope]) -> None:
        assert isinstance(channel, Channel)
        written = channel.create_future()
        frames = [frame for envelope in envelopes for frame in self._frames(channel, envelope)]
        await channel.write_queue.put(ChannelFrame.marshall(channel.number, frames, written))
        await written

    def _frames(
        self, channel: Channel, envelope: Envelope
    ) -> list[spec.Basic.Publish | ContentHeader | ContentBody]:
        """A message as AMQP 0-9-1 sends it (2.3.5.2), its body cut to what a frame may take."""
        body, most = envelope.message.body, channel.max_content_size
        return [
            spec.Basic.Publish(exchange=envelope.exchange, routing_key=envelope.routing_key),
            ContentHeader(body_size=len(body), properties=self._properties(envelope)),
            *(ContentBody(body[at : at + most]) for at in range(0, len(body), most)),
        ]


Answers = tuple[Sequence[Envelope], asyncio.Future[None]]
"""Answers given at once, and who waits for them to be sent."""


class Replier:
    """Answers; a reply is never proof, so no confirm is waited for.

    What waits is bounded by the prefetch of the queues whose messages are answered.
    """

    def __init__(self, publisher: OneWrite) -> None:
        self._publisher = publisher
        self._waiting: list[Answers] = []
        self._sending: asyncio.Task[None] | None = None

    async def reply(self, *envelopes: Envelope) -> None:
        """Returns when the answers are on their way. Raises BusUnavailable."""
        sent = asyncio.get_running_loop().create_future()
        self._waiting.append((envelopes, sent))
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send())
        await sent

    async def close(self) -> None:
        """Send no more."""
        if self._sending is not None:
            await cancel([self._sending])
        _settle(self._waiting, BusUnavailable("the bus is closed"))

    async def _send(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            await self._deliver(batch)

    async def _deliver(self, batch: list[Answers]) -> None:
        """Send answers as one, and tell whoever gave one what came of it."""
        try:
            await self._publisher.publish(*(one for envelopes, _ in batch for one in envelopes))
        except (BusUnavailable, asyncio.CancelledError) as error:
            _settle(batch, BusUnavailable(f"an answer was not sent: {error}"))
            if isinstance(error, asyncio.CancelledError):
                raise
        except Exception as error:
            if len(batch) == 1:
                return _settle(batch, error)
            for one in batch:  # one that cannot be sent must not take the others with it
                await self._deliver([one])
        return _settle(batch, None)


def _settle(batch: list[Answers], failure: Exception | None) -> None:
    for _, sent in batch:
        if sent.done():
            continue  # settled before, or who answered waits no more
        if failure is None:
            sent.set_result(None)
        else:
            sent.set_exception(failure)
