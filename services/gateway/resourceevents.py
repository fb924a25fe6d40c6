"""Changes of resources: what a gateway sees when it looks again and again.

An agent that falls silent is no message, so there is nothing to hear: only looking tells.
"""

import asyncio
from collections.abc import Mapping

from contracts.resource import Resource
from services.gateway.resources import Resources
from services.gateway.sse import Listeners
from services.runtime import logs
from services.runtime.errors import TasksUnavailable

_PACE = 1.0
_READ_A_SECOND = 1000
"""Resources looked at in a second at most: with more of them a change is told later."""


class ResourceEvents:
    """Looks while somebody listens, and tells what has changed but for the time last heard of."""

    def __init__(self, resources: Resources, listeners: Listeners) -> None:
        self._resources = resources
        self._listeners = listeners
        self._known: Mapping[str, Resource] | None = None

    async def begin(self) -> None:
        """Take down how resources are, so that a reader misses no change after it has read them.

        While the task store is away nothing is known: then all are told when it is back.
        """
        if self._known is None:
            try:
                self._known = await self._resources.all()
            except TasksUnavailable:
                self._known = {}

    async def run(self) -> None:
        """Look and tell until cancelled."""
        while True:
            await asyncio.sleep(max(_PACE, len(self._known or ()) / _READ_A_SECOND))
            if self._listeners.want_resources:
                await self._look()
            else:
                self._known = None

    async def _look(self) -> None:
        await self.begin()
        try:
            now = await self._resources.all()
        except TasksUnavailable as error:
            logs.get("gateway").warning("resources are not looked at", reason=str(error))
            return
        before, self._known = self._known or {}, now
        for name, resource in now.items():
            if name not in before or _state(before[name]) != _state(resource):
                self._listeners.tell_resource(resource)


def _state(resource: Resource) -> tuple[object, ...]:
    """What counts as a change; the times last heard of grow with every KeepAlive."""
    rival = resource.conflict.agent_id if resource.conflict else None
    steady = resource.model_dump(exclude={"last_seen", "conflict"})
    return (*steady.values(), rival)
