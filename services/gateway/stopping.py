"""A stop: the dispatcher's to carry out, whatever the capture's state."""

from contracts.task import Task
from services.gateway.gateway import Gateway
from services.gateway.roles import Caller
from services.runtime import logs


async def stop_capture(gateway: Gateway, session: str, caller: Caller) -> Task:
    """Stop a capture for `caller`; the task as it then is. Raises Refused."""
    await gateway.commands.stop(session, caller)
    logs.get("gateway").info("stop asked for", session=session, by=caller.name)
    return (await gateway.reads.capture(session)).task()
