"""Whether a start may be tried at all. Pure."""

from dataclasses import dataclass

from contracts.commands import Refused, StartCapture
from contracts.task import Failure


@dataclass(frozen=True, slots=True)
class Ground:
    """What is known of a resource when a start for it comes in."""

    heard: bool
    """Whether the task store holds a KeepAlive of its agent."""
    online: bool = False
    services: frozenset[str] = frozenset()
    young: bool = False
    """Whether the task store, or our connection to it, is younger than a lease, so that an agent
    may be there that could not be heard yet."""
    recorded: bool = False
    """Whether captures of the resource are recorded, so that it was heard of once."""


def refusal(command: StartCapture, ground: Ground) -> Failure | None:
    """Why the start cannot be; none: it can."""
    if ground.heard and command.service not in ground.services:
        known = ", ".join(sorted(ground.services)) or "none"
        return Failure(
            code=Refused.UNKNOWN_SERVICE,
            detail=f"{command.resource} has no service {command.service}; it has: {known}",
        )
    if ground.online:
        return None
    if not ground.heard and not ground.recorded:
        detail = f"no agent named {command.resource} has ever been heard of"
        return Failure(code=Refused.UNKNOWN_RESOURCE, detail=detail)
    if ground.young:
        detail = f"the agent of {command.resource} was not heard yet; try again in a few seconds"
        return Failure(code=Refused.NOT_READY, detail=detail)
    detail = f"the agent of {command.resource} has not been heard of for a lease; is it running?"
    return Failure(code=Refused.RESOURCE_OFFLINE, detail=detail)
