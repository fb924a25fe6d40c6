"""Another system on the bus: plain JSON over AMQP, and no code of Capflow's."""

import asyncio
import json
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import ChannelNotFoundEntity

from tests.support.stack import RESOURCE


class BusClient:
    """Publishes commands by hand and reads the answers from a queue of its own."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._answers: dict[str, asyncio.Queue[dict[str, Any]]] = {}

    async def __aenter__(self) -> Self:
        self._connection = await aio_pika.connect(self._url)
        self._channel = await self._connection.channel()
        self._queue = await self._channel.declare_queue(f"other-system-{uuid4()}", exclusive=True)
        await self._queue.consume(self._on_answer, no_ack=True)
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        await self._connection.close()

    async def start(self, **fields: Any) -> dict[str, Any]:
        """Publish a start of service `lo`; the answer."""
        body = {"resource": RESOURCE, "service": "lo", **fields}
        return await self.ask("capture.start", body)

    async def stop(self, **fields: Any) -> dict[str, Any]:
        """Publish a stop; the answer."""
        return await self.ask("capture.stop", fields)

    async def ask(
        self,
        kind: str,
        body: dict[str, Any],
        message_id: str | None = None,
        *,
        expiration: float = 30,
        patience: float = 60,
    ) -> dict[str, Any]:
        """Publish a command and wait for its answer."""
        correlation = str(uuid4())
        self._answers[correlation] = asyncio.Queue()
        await self.publish(
            json.dumps(body).encode(),
            f"{kind}.{RESOURCE}.lo",
            type=kind,
            message_id=message_id,
            correlation_id=correlation,
            reply_to=self._queue.name,
            expiration=expiration,
            headers={"version": 1},
        )
        return await asyncio.wait_for(self._answers[correlation].get(), patience)

    async def publish(
        self,
        body: bytes,
        routing_key: str,
        exchange: str = "capflow.commands",
        **properties: Any,
    ) -> None:
        """Publish any bytes with any properties."""
        message = aio_pika.Message(body, content_type="application/json", **properties)
        to = await self._channel.get_exchange(exchange, ensure=False)
        await to.publish(message, routing_key)

    async def consumers(self, queue: str) -> int | None:
        """How many consumers a queue has now; none where there is no such queue."""
        channel = await self._connection.channel()
        try:
            found = await channel.declare_queue(queue, passive=True)
        except ChannelNotFoundEntity:
            return None
        await channel.close()
        return int(found.declaration_result.consumer_count or 0)

    async def _on_answer(self, message: AbstractIncomingMessage) -> None:
        self._answers[str(message.correlation_id)].put_nowait(json.loads(message.body))
