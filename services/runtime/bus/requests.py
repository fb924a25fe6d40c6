"""Ask over the bus and await the answer."""

import asyncio
from dataclasses import replace
from typing import Self
from uuid import uuid4

from services.runtime.bus.port import Bus, Incoming, Mailbox, Outgoing
from services.runtime.errors import BusUnavailable


class NoAnswer(BusUnavailable):
    """Nobody answered in time; the request may have been carried out all the same."""


class Requests:
    """Requests over one mailbox, told apart by their correlation ids."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._mailbox: Mailbox | None = None
        self._opening = asyncio.Lock()
        self._waiting: dict[str, asyncio.Future[Incoming]] = {}

    async def ask(
        self, exchange: str, routing_key: str, outgoing: Outgoing, timeout: float
    ) -> Incoming:
        """Publish a request and wait `timeout` seconds for its answer.

        Raises Unroutable and BusUnavailable as `Bus.publish`, NoAnswer (a BusUnavailable) where no
        answer came.
        """
        # Not the message id: the same command may be asked twice at once.
        correlation_id = str(uuid4())
        answer: asyncio.Future[Incoming] = asyncio.get_running_loop().create_future()
        self._waiting[correlation_id] = answer
        try:
            async with asyncio.timeout(timeout):
                mailbox = await self._open()
                request = replace(outgoing, correlation_id=correlation_id)
                await mailbox.send(exchange, routing_key, request)
                return await answer
        except TimeoutError:
            raise NoAnswer(f"no answer to {outgoing.type} within {timeout:g} s") from None
        finally:
            del self._waiting[correlation_id]

    async def close(self) -> None:
        """Give the mailbox up."""
        if self._mailbox is not None:
            await self._mailbox.close()
            self._mailbox = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _open(self) -> Mailbox:
        async with self._opening:
            if self._mailbox is None:
                self._mailbox = await self._bus.mailbox(self._receive)
            return self._mailbox

    def _receive(self, incoming: Incoming) -> None:
        answer = self._waiting.get(incoming.correlation_id or "")
        if answer is not None and not answer.done():
            answer.set_result(incoming)
