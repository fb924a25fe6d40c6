"""Resources as the dispatchers keep them in the task store."""

from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis

from contracts.record import Hash, instant, resource_of, services_of
from contracts.resource import Resource
from contracts.rest import Page
from contracts.topology import RESOURCES_KEY, agent_key, running_key
from services.gateway.paging import page_of
from services.gateway.problems import Refused, wrong_field
from services.runtime.redis import tasks_errors


class Resources:
    """Reads resources. Raises TasksUnavailable."""

    def __init__(self, tasks: Redis) -> None:
        self._tasks = tasks

    async def page(self, cursor: str | None, limit: int) -> Page[Resource]:
        """A page of the resources ever heard of, by name. Raises Refused: the cursor is none."""
        async with tasks_errors():
            seen = await self._seen()
            try:
                names, following = page_of(list(seen), cursor, limit)
            except ValueError as error:
                raise wrong_field("cursor", str(error)) from None
            items = await self._read({name: seen[name] for name in names})
        return Page(items=items, next_cursor=following)

    async def all(self) -> dict[str, Resource]:
        """Every resource ever heard of, by its name."""
        async with tasks_errors():
            return {each.resource: each for each in await self._read(await self._seen())}

    async def one(self, name: str) -> Resource:
        """One resource. Raises Refused where it was never heard of."""
        async with tasks_errors():
            seen = await self._tasks.zscore(RESOURCES_KEY, name)
            if seen is None:
                raise Refused("unknown-resource", f"no agent named {name} was ever heard of")
            return (await self._read({name: int(seen)}))[0]

    async def _seen(self) -> dict[str, int]:
        """When each resource was last heard of (ms)."""
        heard: Any = await self._tasks.zrange(RESOURCES_KEY, 0, -1, withscores=True)
        return {name.decode(): int(score) for name, score in heard}

    async def _read(self, seen: dict[str, int]) -> list[Resource]:
        """The resources of these names, last seen at these times (ms)."""
        async with self._tasks.pipeline(transaction=False) as pipeline:
            pipeline.time()
            for name in seen:
                pipeline.hgetall(agent_key(name))
            (seconds, micros), *hashes = await pipeline.execute()
        now_ms = seconds * 1000 + micros // 1000
        agents = dict(zip(seen, hashes, strict=True))
        running = await self._running(agents)
        return [
            resource_of(name, record, running[name], now_ms) if record else _forgotten(name, at)
            for (name, record), at in zip(agents.items(), seen.values(), strict=True)
        ]

    async def _running(self, agents: dict[str, Hash]) -> dict[str, list[str]]:
        """The task ids of what has not ended, by resource: those that hold a claim."""
        pairs = [(name, each.service) for name, r in agents.items() if r for each in services_of(r)]
        holders = await self._holders([running_key(*pair) for pair in pairs])
        running: dict[str, list[str]] = {name: [] for name in agents}
        for (name, _), holder in zip(pairs, holders, strict=True):
            if holder is not None:
                running[name].append(holder.decode())
        return running

    async def _holders(self, keys: Sequence[str]) -> list[bytes | None]:
        holders: Any = await self._tasks.mget(keys) if keys else []
        return list(holders)


def _forgotten(name: str, seen_ms: int) -> Resource:
    """A resource not heard of for so long that only its name is kept."""
    return Resource(
        resource=name, online=False, last_seen=instant(seen_ms), version="", services=[], running=[]
    )
