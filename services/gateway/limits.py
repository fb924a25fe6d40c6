"""The limits in force, as the dispatchers told them."""

from redis.asyncio import Redis

from contracts.order import Caps
from contracts.rest import LimitsInForce
from contracts.topology import CAPS_KEY
from services.runtime.redis import tasks_errors


class LimitsKnown:
    """Reads the limits in force. Raises TasksUnavailable."""

    def __init__(self, tasks: Redis) -> None:
        self._tasks = tasks

    async def read(self) -> LimitsInForce:
        """Defaults and caps; no caps where no dispatcher has told them for a while."""
        async with tasks_errors():
            told = await self._tasks.get(CAPS_KEY)
        return LimitsInForce(caps=Caps.model_validate_json(told) if told else None)
