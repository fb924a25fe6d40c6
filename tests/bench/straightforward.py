"""The peer of the dispatcher's KeepAlives: request and reply with aio-pika, and two Redis calls.

`python -m tests.bench.straightforward AMQP_URL REDIS_URL`; ends with its standard input. Its best
settings: uvloop, 400 messages in hand at once, replies without confirms.
"""

import asyncio
import json
import sys

import aio_pika
import uvloop
from aio_pika.abc import AbstractExchange, AbstractIncomingMessage
from redis.asyncio import Redis

from contracts.topology import KEEPALIVE, KEEPALIVE_QUEUE

_AT_ONCE = 400


class Responder:
    """Keeps each KeepAlive, reads what is wanted, answers."""

    def __init__(self, redis: Redis, exchange: AbstractExchange) -> None:
        self._redis = redis
        self._exchange = exchange

    async def answer(self, message: AbstractIncomingMessage) -> None:
        """One KeepAlive."""
        async with message.process():
            beat = json.loads(message.body)
            kept = ["seq", beat["seq"], "reply_to", message.reply_to or ""]
            await self._redis.hset(f"agent:{beat['resource']}", items=kept)
            wanted = await self._redis.hgetall(f"wanted:{beat['resource']}")
            body = {"resource": beat["resource"], "revision": 0, "orders": list(wanted)}
            reply = aio_pika.Message(
                json.dumps(body).encode(), correlation_id=message.correlation_id
            )
            await self._exchange.publish(reply, message.reply_to or "", mandatory=False)


async def main() -> None:
    """Answer until the standard input ends."""
    connection = await aio_pika.connect(sys.argv[1])
    channel = await connection.channel(publisher_confirms=False)
    await channel.set_qos(_AT_ONCE)
    queue = await channel.declare_queue(KEEPALIVE_QUEUE.name, durable=True)
    await queue.bind(await channel.declare_exchange(KEEPALIVE, "topic", durable=True), "#")
    redis = Redis.from_url(sys.argv[2], max_connections=2 * _AT_ONCE)
    responder = Responder(redis, channel.default_exchange)
    await queue.consume(responder.answer)
    print("{}", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await connection.close()


if __name__ == "__main__":
    uvloop.run(main())
