"""Vets a start: gathers what is known of its resource, and checks what it asks for."""

from contracts.commands import Refused, StartCapture
from contracts.keepalive import KEEPALIVES_IN_A_LEASE
from contracts.task import Failure
from services.dispatcher.admission import Ground, refusal
from services.dispatcher.footing import Footing
from services.dispatcher.live import Agent
from services.dispatcher.taskstore import TaskStore
from services.packets.endpoints.opening import Endpoints
from services.packets.filters import FilterCompiler, FilterRefused


class Vetting:
    """Says why a start cannot be. `interval` is that of agents which have not said theirs (s)."""

    def __init__(
        self,
        tasks: TaskStore,
        endpoints: Endpoints,
        filters: FilterCompiler,
        footing: Footing,
        interval: float,
    ) -> None:
        self._tasks = tasks
        self._endpoints = endpoints
        self._filters = filters
        self._footing = footing
        self._lease = interval * KEEPALIVES_IN_A_LEASE

    async def failure(self, command: StartCapture, agent: Agent | None) -> Failure | None:
        """Why the start cannot be on that agent; none: it can. Raises Unavailable."""
        return (
            refusal(command, await self._ground(command.resource, agent))
            or self.endpoint(command.endpoint)
            or await self._filter(command.filter)
        )

    async def _ground(self, resource: str, agent: Agent | None) -> Ground:
        if agent is not None and agent.online:
            return Ground(True, True, agent.services)
        young = min(await self._tasks.age(), self._footing.calm) < self._lease
        if agent is not None:
            return Ground(True, False, agent.services, young)
        recorded = await self._endpoints.first.knows_resource(resource)
        return Ground(False, young=young, recorded=recorded)

    def endpoint(self, name: str | None) -> Failure | None:
        """Why captures cannot be stored under this name."""
        names = [name for name, _ in self._endpoints.items()]
        if name is None or name in names:
            return None
        detail = f"there is no endpoint {name}; there is: {', '.join(names)}"
        return Failure(code=Refused.UNKNOWN_ENDPOINT, detail=detail)

    async def _filter(self, expression: str) -> Failure | None:
        if not expression.strip():
            return None
        try:
            await self._filters.compile(expression)
        except FilterRefused as error:
            return Failure(code=Refused.INVALID_FILTER, detail=str(error))
        return None
