"""Script calls made at about the same time share one round trip.

A round trip costs the event loop more than a script costs Redis; KeepAlives come by the thousand.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import NoScriptError

_MOST_FLYING = 2
_MOST_ABOARD = 128


class _Call(NamedTuple):
    script: AsyncScript
    keys: Sequence[str]
    args: Sequence[Any]
    answer: asyncio.Future[Any]


class Flights:
    """Gathers calls while others are under way. Those waiting are as many as messages may be in
    hand at once, which the queues' prefetch bounds."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._waiting: list[_Call] = []
        self._flying: set[asyncio.Task[None]] = set()

    async def run(self, script: AsyncScript, keys: Sequence[str], args: Sequence[Any]) -> Any:
        """What the script gives; raises what Redis raises."""
        answer = asyncio.get_running_loop().create_future()
        self._waiting.append(_Call(script, keys, args, answer))
        self._take_off()
        result = await answer
        if isinstance(result, NoScriptError):
            return await script(keys=keys, args=args)  # Redis has forgotten it: tells it again
        if isinstance(result, Exception):
            raise result
        return result

    def _take_off(self) -> None:
        while self._waiting and len(self._flying) < _MOST_FLYING:
            aboard, self._waiting = self._waiting[:_MOST_ABOARD], self._waiting[_MOST_ABOARD:]
            flight = asyncio.create_task(self._fly(aboard))
            self._flying.add(flight)
            flight.add_done_callback(self._landed)

    def _landed(self, flight: asyncio.Task[None]) -> None:
        self._flying.discard(flight)
        self._take_off()

    async def _fly(self, aboard: list[_Call]) -> None:
        try:
            results = await self._send(aboard)
        except Exception as error:  # each caller gets it
            results = [error] * len(aboard)
        for call, result in zip(aboard, results, strict=True):
            if not call.answer.done():
                call.answer.set_result(result)

    async def _send(self, aboard: list[_Call]) -> list[Any]:
        async with self._client.pipeline(transaction=False) as pipe:
            for script, keys, args, _ in aboard:
                pipe.evalsha(script.sha, len(keys), *keys, *args)
            return await pipe.execute(raise_on_error=False)
